"""The order of the sweep.

A value may pass its gradient on only when every contribution to it has arrived. So the sweep goes through a list
backwards, in which each value comes after all of its operands: a topological order.
"""


def order(output):
    """Return a list of all values that output was computed from, and output itself, each after its operands.

    `value.operands` are the Values that a value was computed from; it is empty for a leaf.
    """
    # your turn
    found, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for operand in value.operands:
                visit(operand)
            found.append(value)

    visit(output)
    return found
    # end


# %% wrong: a value is put into the list before its operands: append it once they are in
def order(output):
    found = []

    def visit(value):
        if value not in found:
            found.append(value)
            for operand in value.operands:
                visit(operand)

    visit(output)
    return found


# %% wrong: a value that is used twice is visited twice: remember those that were seen
def order(output):
    found = []

    def visit(value):
        for operand in value.operands:
            visit(operand)
        found.append(value)

    visit(output)
    return found


# %% wrong: a walk in breadth meets a value by its shortest path, but must wait for the longest
def order(output):
    found = [output]
    for value in found:
        found.extend(x for x in dict.fromkeys(value.operands) if x not in found)
    return found[::-1]
