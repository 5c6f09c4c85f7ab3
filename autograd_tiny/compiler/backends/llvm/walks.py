"""Functions of machine code that walk Python objects, as words of a table tell them.

`read` takes numbers, `run` passes them to compiled code, `watch` compares, `build` makes objects. While they walk they
call nothing that could run Python code, hold Python's lock and pause the garbage collector, so that nothing changes
under their hands.
A word below is followed by its operands:

    FLOAT at; FLOATS type n at inline; EACH type n inline (n parts); DICT n (n keys, each with a part);
    OWN type n (n names of attributes, each with a part); IS address; ARRAY at size dimensions 0 (its shape);
    ARRAY at index dimensions 1 (its shape), a table of a batch;
    LEAF at index, a Value; MARK room (a part); SAME place of that room
    LIST_HELD address n (n items); DICT_HELD address n (n keys and values); CELL_HELD address contents;
    NAME_HELD dict key value; CLASS_HELD address class; END
    A_FLOAT at; A_ROW is_tuple n (n parts); A_DICT model n (n keys, each with a part); A_PIECE index
"""

from __future__ import annotations

from string import Template

from autograd_tiny.compiler.backends.llvm.objects import (
    API,
    BYTES,
    CARRAY,
    CELL,
    DATA,
    DIMENSIONS,
    DOUBLE,
    DTYPE,
    FLAGS,
    ITEMS,
    KIND,
    NATIVE,
    NUMBER,
    ORDER,
    SHAPE,
    SIZE,
    TYPE,
    slots,
)

FLOAT, FLOATS, EACH, DICT, OWN, IS, ARRAY, LEAF, MARK, SAME = range(10)  # words of `read`
LIST_HELD, DICT_HELD, CELL_HELD, NAME_HELD, CLASS_HELD, END = range(6)  # of `watch`
A_FLOAT, A_ROW, A_DICT, A_PIECE = range(4)  # of `build`
HEAD = 13 + len(API)  # words before the first of them: see the text


def assembly() -> str:
    """LLVM assembly of `read`, `run`, `watch` and `build`."""
    data, op = slots()
    offsets = {
        "TYPE": TYPE, "SIZE": SIZE, "ITEMS": ITEMS, "NUMBER": NUMBER, "BYTES": BYTES, "CELL": CELL, "DATA": DATA,
        "DIMENSIONS": DIMENSIONS, "SHAPE": SHAPE, "DTYPE": DTYPE, "FLAGS": FLAGS, "CARRAY": CARRAY,
        "ORDER": ORDER, "NATIVE": NATIVE, "KIND": KIND, "DOUBLE": DOUBLE, "VALUE_DATA": data, "VALUE_OP": op,
        "START": HEAD * 8,
        **{name: i for i, name in enumerate(API, 13)},
    }  # fmt: skip
    return Template(_TEXT).substitute(offsets)


# Words of the head: 0 numbers to fill, 1 tables to fill or pieces of a result, 2 moved, 3 Values before, 4 numbers;
# then addresses: 5 float, 6 float64, 7 Value, 8 None, 9 ndarray, 10 str, 11 dict, 12 dtype of floats.
_TEXT = """
define internal ptr @api(ptr %head, i64 %i) alwaysinline {
  %p = getelementptr ptr, ptr %head, i64 %i
  %f = load ptr, ptr %p
  ret ptr %f
}

define internal i64 @field(ptr %o, i64 %at) alwaysinline {
  %p = getelementptr i8, ptr %o, i64 %at
  %x = load i64, ptr %p
  ret i64 %x
}

define internal i64 @word(ptr %pc, i64 %i) alwaysinline {
  %p = getelementptr i64, ptr %pc, i64 %i
  %x = load i64, ptr %p
  ret i64 %x
}

define internal i1 @number(ptr %o, i64 %at, ptr %head) alwaysinline {
  %type = call i64 @field(ptr %o, i64 $TYPE)
  %float = call i64 @word(ptr %head, i64 5)
  %is.float = icmp eq i64 %type, %float
  br i1 %is.float, label %take, label %other
other:
  %float64 = call i64 @word(ptr %head, i64 6)
  %is.float64 = icmp eq i64 %type, %float64
  br i1 %is.float64, label %take, label %fail
take:
  %p = getelementptr i8, ptr %o, i64 $NUMBER
  %x = load double, ptr %p
  %out = load ptr, ptr %head
  %to = getelementptr double, ptr %out, i64 %at
  store double %x, ptr %to
  ret i1 true
fail:
  ret i1 false
}

define internal i1 @same_key(ptr %key, ptr %expected, ptr %head) {
  %is = icmp eq ptr %key, %expected
  br i1 %is, label %yes, label %spelled
spelled:
  %str = call i64 @word(ptr %head, i64 10)
  %a = call i64 @field(ptr %key, i64 $TYPE)
  %b = call i64 @field(ptr %expected, i64 $TYPE)
  %a.str = icmp eq i64 %a, %str
  %b.str = icmp eq i64 %b, %str
  %both = and i1 %a.str, %b.str
  br i1 %both, label %compare, label %no
compare:
  %f1 = call ptr @api(ptr %head, i64 $PyUnicode_Compare)
  %order = call i32 %f1(ptr %key, ptr %expected)
  %equal = icmp eq i32 %order, 0
  ret i1 %equal
yes:
  ret i1 true
no:
  ret i1 false
}

define internal ptr @entries(ptr %d, ptr %start, i64 %n, ptr %head) {
  %place = alloca i64
  %key = alloca ptr
  %value = alloca ptr
  store i64 0, ptr %place
  br label %next
next:
  %pc = phi ptr [ %start, %0 ], [ %then, %walked ]
  %i = phi i64 [ 0, %0 ], [ %i.next, %walked ]
  %f2 = call ptr @api(ptr %head, i64 $PyDict_Next)
  %more = call i32 %f2(ptr %d, ptr %place, ptr %key, ptr %value)
  %is.end = icmp eq i32 %more, 0
  %all = icmp eq i64 %i, %n
  br i1 %is.end, label %end, label %one
end:
  br i1 %all, label %ok, label %fail
one:
  br i1 %all, label %fail, label %compare
compare:
  %k = load ptr, ptr %key
  %expected = load ptr, ptr %pc
  %same = call i1 @same_key(ptr %k, ptr %expected, ptr %head)
  br i1 %same, label %below, label %fail
below:
  %v = load ptr, ptr %value
  %code = getelementptr i64, ptr %pc, i64 1
  %then = call ptr @walk(ptr %v, ptr %code, ptr %head)
  %failed = icmp eq ptr %then, null
  br i1 %failed, label %fail, label %walked
walked:
  %i.next = add i64 %i, 1
  br label %next
ok:
  ret ptr %pc
fail:
  ret ptr null
}

define internal ptr @items(ptr %o, i64 %inline) alwaysinline {
  %own = getelementptr i8, ptr %o, i64 $ITEMS
  %far = load ptr, ptr %own
  %is = icmp ne i64 %inline, 0
  %base = select i1 %is, ptr %own, ptr %far
  ret ptr %base
}

define internal ptr @walk(ptr %o, ptr %pc, ptr %head) {
  %code = call i64 @word(ptr %pc, i64 0)
  %a = call i64 @word(ptr %pc, i64 1)
  %b = call i64 @word(ptr %pc, i64 2)
  %c = call i64 @word(ptr %pc, i64 3)
  %address = ptrtoint ptr %o to i64
  %type = call i64 @field(ptr %o, i64 $TYPE)
  %after2 = getelementptr i64, ptr %pc, i64 2
  %after3 = getelementptr i64, ptr %pc, i64 3
  %after4 = getelementptr i64, ptr %pc, i64 4
  %after5 = getelementptr i64, ptr %pc, i64 5
  switch i64 %code, label %fail [
    i64 0, label %float
    i64 1, label %floats
    i64 2, label %each
    i64 3, label %dict
    i64 4, label %own
    i64 5, label %is
    i64 6, label %array
    i64 7, label %leaf
    i64 8, label %mark
    i64 9, label %same
  ]

float:
  %float.ok = call i1 @number(ptr %o, i64 %a, ptr %head)
  br i1 %float.ok, label %done2, label %fail

floats:
  %floats.type = icmp eq i64 %type, %a
  br i1 %floats.type, label %floats.count, label %fail
floats.count:
  %floats.n = call i64 @field(ptr %o, i64 $SIZE)
  %floats.all = icmp eq i64 %floats.n, %b
  br i1 %floats.all, label %floats.base, label %fail
floats.base:
  %floats.inline = call i64 @word(ptr %pc, i64 4)
  %floats.items = call ptr @items(ptr %o, i64 %floats.inline)
  br label %floats.next
floats.next:
  %fi = phi i64 [ 0, %floats.base ], [ %fi.next, %floats.one ]
  %floats.end = icmp eq i64 %fi, %b
  br i1 %floats.end, label %done5, label %floats.one
floats.one:
  %fp = getelementptr ptr, ptr %floats.items, i64 %fi
  %fo = load ptr, ptr %fp
  %fat = add i64 %c, %fi
  %floats.ok = call i1 @number(ptr %fo, i64 %fat, ptr %head)
  %fi.next = add i64 %fi, 1
  br i1 %floats.ok, label %floats.next, label %fail

each:
  %each.type = icmp eq i64 %type, %a
  br i1 %each.type, label %each.count, label %fail
each.count:
  %each.n = call i64 @field(ptr %o, i64 $SIZE)
  %each.all = icmp eq i64 %each.n, %b
  br i1 %each.all, label %each.base, label %fail
each.base:
  %each.items = call ptr @items(ptr %o, i64 %c)
  br label %each.next
each.next:
  %ei = phi i64 [ 0, %each.base ], [ %ei.next, %each.one ]
  %each.pc = phi ptr [ %after4, %each.base ], [ %each.then, %each.one ]
  %each.failed = icmp eq ptr %each.pc, null
  br i1 %each.failed, label %fail, label %each.more
each.more:
  %each.end = icmp eq i64 %ei, %b
  br i1 %each.end, label %each.done, label %each.one
each.one:
  %ep = getelementptr ptr, ptr %each.items, i64 %ei
  %eo = load ptr, ptr %ep
  %each.then = call ptr @walk(ptr %eo, ptr %each.pc, ptr %head)
  %ei.next = add i64 %ei, 1
  br label %each.next
each.done:
  ret ptr %each.pc

dict:
  %dict.type = call i64 @word(ptr %head, i64 11)
  %dict.is = icmp eq i64 %type, %dict.type
  br i1 %dict.is, label %dict.entries, label %fail
dict.entries:
  %dict.then = call ptr @entries(ptr %o, ptr %after2, i64 %a, ptr %head)
  ret ptr %dict.then

own:
  %own.is = icmp eq i64 %type, %a
  br i1 %own.is, label %own.get, label %fail
own.get:
  %f3 = call ptr @api(ptr %head, i64 $PyObject_GenericGetDict)
  %own.dict = call ptr %f3(ptr %o, ptr null)
  %own.none = icmp eq ptr %own.dict, null
  br i1 %own.none, label %own.error, label %own.entries
own.error:
  %f4 = call ptr @api(ptr %head, i64 $PyErr_Clear)
  call void %f4()
  ret ptr null
own.entries:
  %own.then = call ptr @entries(ptr %own.dict, ptr %after3, i64 %b, ptr %head)
  %f5 = call ptr @api(ptr %head, i64 $Py_DecRef)
  call void %f5(ptr %own.dict)
  ret ptr %own.then

is:
  %is.same = icmp eq i64 %address, %a
  br i1 %is.same, label %done2, label %fail

array:
  %array.type = call i64 @word(ptr %head, i64 9)
  %array.is = icmp eq i64 %type, %array.type
  br i1 %array.is, label %array.dtype, label %fail
array.dtype:
  %array.float = call i64 @word(ptr %head, i64 12)
  %array.has = call i64 @field(ptr %o, i64 $DTYPE)
  %array.dtype.is = icmp eq i64 %array.has, %array.float
  br i1 %array.dtype.is, label %array.plain, label %array.equal
array.equal:
  %dtype = inttoptr i64 %array.has to ptr
  %dtype.order.at = getelementptr i8, ptr %dtype, i64 $ORDER
  %dtype.order = load i8, ptr %dtype.order.at
  %dtype.is.native = icmp eq i8 %dtype.order, $NATIVE
  %dtype.number.at = getelementptr i8, ptr %dtype, i64 $KIND
  %dtype.number = load i32, ptr %dtype.number.at
  %dtype.is.double = icmp eq i32 %dtype.number, $DOUBLE
  %dtype.ok = and i1 %dtype.is.native, %dtype.is.double
  br i1 %dtype.ok, label %array.plain, label %fail
array.plain:
  %array.flags.at = getelementptr i8, ptr %o, i64 $FLAGS
  %array.flags = load i32, ptr %array.flags.at
  %array.carray = and i32 %array.flags, $CARRAY
  %array.is.plain = icmp eq i32 %array.carray, $CARRAY
  %array.nd.at = getelementptr i8, ptr %o, i64 $DIMENSIONS
  %array.nd32 = load i32, ptr %array.nd.at
  %array.nd = sext i32 %array.nd32 to i64
  %array.nd.is = icmp eq i64 %array.nd, %c
  %array.form = and i1 %array.is.plain, %array.nd.is
  br i1 %array.form, label %array.shape, label %fail
array.shape:
  %array.batched = call i64 @word(ptr %pc, i64 4)
  %array.dims.at = getelementptr i8, ptr %o, i64 $SHAPE
  %array.dims = load ptr, ptr %array.dims.at
  %array.after = getelementptr i64, ptr %after5, i64 %c
  br label %array.next
array.next:
  %ai = phi i64 [ %array.batched, %array.shape ], [ %ai.next, %array.one ]
  %array.end = icmp sge i64 %ai, %c
  br i1 %array.end, label %array.fits, label %array.one
array.one:
  %array.length = call i64 @word(ptr %array.dims, i64 %ai)
  %array.expected = call i64 @word(ptr %after5, i64 %ai)
  %array.length.is = icmp eq i64 %array.length, %array.expected
  %ai.next = add i64 %ai, 1
  br i1 %array.length.is, label %array.next, label %fail
array.fits:
  %array.from.at = getelementptr i8, ptr %o, i64 $DATA
  %array.from = load ptr, ptr %array.from.at
  %array.is.table = icmp ne i64 %array.batched, 0
  br i1 %array.is.table, label %table, label %array.copy
table:
  %tables.at = getelementptr ptr, ptr %head, i64 1
  %tables = load ptr, ptr %tables.at
  %tables.none = icmp eq ptr %tables, null
  br i1 %tables.none, label %array.done, label %table.note
table.note:
  %table.at = getelementptr ptr, ptr %tables, i64 %b
  store ptr %array.from, ptr %table.at
  %length = load i64, ptr %array.dims
  %size.at = getelementptr i64, ptr %tables, i64 -1
  %size.is = load i64, ptr %size.at
  %size.new = icmp eq i64 %b, 0
  %size = select i1 %size.new, i64 %length, i64 %size.is
  store i64 %size, ptr %size.at
  %size.fits = icmp eq i64 %size, %length
  %size.some = icmp ne i64 %size, 0
  %size.ok = and i1 %size.fits, %size.some
  br i1 %size.ok, label %array.done, label %fail
array.copy:
  %array.out = load ptr, ptr %head
  %array.to = getelementptr double, ptr %array.out, i64 %a
  %array.bytes = mul i64 %b, 8
  %f6 = call ptr @api(ptr %head, i64 $memmove)
  %copied = call ptr %f6(ptr %array.to, ptr %array.from, i64 %array.bytes)
  br label %array.done
array.done:
  ret ptr %array.after

leaf:
  %leaf.type = call i64 @word(ptr %head, i64 7)
  %leaf.is = icmp eq i64 %type, %leaf.type
  br i1 %leaf.is, label %leaf.op, label %fail
leaf.op:
  %leaf.none = call i64 @word(ptr %head, i64 8)
  %leaf.has = call i64 @field(ptr %o, i64 $VALUE_OP)
  %leaf.is.leaf = icmp eq i64 %leaf.has, %leaf.none
  br i1 %leaf.is.leaf, label %leaf.data, label %fail
leaf.data:
  %leaf.at = getelementptr i8, ptr %o, i64 $VALUE_DATA
  %leaf.number = load ptr, ptr %leaf.at
  %leaf.deleted = icmp eq ptr %leaf.number, null
  br i1 %leaf.deleted, label %fail, label %leaf.take
leaf.take:
  %leaf.ok = call i1 @number(ptr %leaf.number, i64 %a, ptr %head)
  br i1 %leaf.ok, label %leaf.counted, label %fail
leaf.counted:
  %leaf.counts = icmp sge i64 %b, 0
  br i1 %leaf.counts, label %leaf.note, label %done3
leaf.note:
  %leaf.numbers = call i64 @word(ptr %head, i64 4)
  %leaf.place = add i64 %leaf.numbers, %b
  %leaf.out = load ptr, ptr %head
  %leaf.to = getelementptr i64, ptr %leaf.out, i64 %leaf.place
  store i64 %address, ptr %leaf.to
  %leaf.all.at = getelementptr i64, ptr %head, i64 3
  %leaf.all = load ptr, ptr %leaf.all.at
  %leaf.before = call i64 @word(ptr %leaf.all, i64 %b)
  %leaf.same = icmp eq i64 %leaf.before, %address
  br i1 %leaf.same, label %done3, label %leaf.moved
leaf.moved:
  %moved = getelementptr i64, ptr %head, i64 2
  store i64 1, ptr %moved
  br label %done3

mark:
  %mark.at = getelementptr i64, ptr %pc, i64 1
  store ptr %o, ptr %mark.at
  %mark.then = tail call ptr @walk(ptr %o, ptr %after2, ptr %head)
  ret ptr %mark.then

same:
  %same.is = call i64 @word(ptr %head, i64 %a)
  %same.same = icmp eq i64 %same.is, %address
  br i1 %same.same, label %done2, label %fail

done2:
  ret ptr %after2
done3:
  ret ptr %after3
done5:
  ret ptr %after5
fail:
  ret ptr null
}

define internal ptr @walked(ptr %tree, ptr %head) {
  %moved.at = getelementptr i64, ptr %head, i64 2
  store i64 0, ptr %moved.at
  %start = getelementptr i8, ptr %head, i64 $START
  %off = call ptr @api(ptr %head, i64 $PyGC_Disable)
  %was.on = call i32 %off()
  %end = call ptr @walk(ptr %tree, ptr %start, ptr %head)
  %on = icmp ne i32 %was.on, 0
  br i1 %on, label %again, label %answer
again:
  %enable = call ptr @api(ptr %head, i64 $PyGC_Enable)
  %ignored = call i32 %enable()
  br label %answer
answer:
  %failed = icmp eq ptr %end, null
  br i1 %failed, label %no, label %ok
no:
  %bool = call ptr @api(ptr %head, i64 $PyBool_FromLong)
  %false = call ptr %bool(i64 0)
  ret ptr %false
ok:
  %moved = load i64, ptr %moved.at
  %is.moved = icmp ne i64 %moved, 0
  br i1 %is.moved, label %new, label %yes
new:
  %none.at = getelementptr i64, ptr %head, i64 8
  %none = load ptr, ptr %none.at
  %incref = call ptr @api(ptr %head, i64 $Py_IncRef)
  call void %incref(ptr %none)
  ret ptr %none
yes:
  ret ptr null
}

define ptr @read(ptr %self, ptr %args, i64 %count) {
  %own = getelementptr i8, ptr %self, i64 $BYTES
  %head = load ptr, ptr %own
  %tree = load ptr, ptr %args
  %array.at = getelementptr ptr, ptr %args, i64 1
  %array = load ptr, ptr %array.at
  %out.at = getelementptr i8, ptr %array, i64 $DATA
  %out = load ptr, ptr %out.at
  store ptr %out, ptr %head
  %tables.at = getelementptr ptr, ptr %head, i64 1
  store ptr null, ptr %tables.at
  %answer = call ptr @walked(ptr %tree, ptr %head)
  %is = icmp eq ptr %answer, null
  br i1 %is, label %yes, label %other
yes:
  %bool = call ptr @api(ptr %head, i64 $PyBool_FromLong)
  %true = call ptr %bool(i64 1)
  ret ptr %true
other:
  ret ptr %answer
}

define ptr @run(ptr %self, ptr %args, i64 %count) {
  %own = getelementptr i8, ptr %self, i64 $BYTES
  %head = load ptr, ptr %own
  %tree = load ptr, ptr %args
  %array.at = getelementptr ptr, ptr %args, i64 1
  %array = load ptr, ptr %array.at
  %out.at = getelementptr i8, ptr %array, i64 $DATA
  %o = load ptr, ptr %out.at
  %room.at = getelementptr ptr, ptr %args, i64 2
  %room.object = load ptr, ptr %room.at
  %room = getelementptr i8, ptr %room.object, i64 $BYTES
  %s.i = call i64 @word(ptr %room, i64 0)
  %t.i = call i64 @word(ptr %room, i64 1)
  %u.i = call i64 @word(ptr %room, i64 2)
  %w.i = call i64 @word(ptr %room, i64 3)
  %p.i = call i64 @word(ptr %room, i64 4)
  %s = inttoptr i64 %s.i to ptr
  %t = inttoptr i64 %t.i to ptr
  %u = inttoptr i64 %u.i to ptr
  %w = inttoptr i64 %w.i to ptr
  %p = inttoptr i64 %p.i to ptr
  store ptr %s, ptr %head
  %tables.at = getelementptr ptr, ptr %head, i64 1
  store ptr %t, ptr %tables.at
  %answer = call ptr @walked(ptr %tree, ptr %head)
  %is = icmp eq ptr %answer, null
  br i1 %is, label %go, label %other
other:
  ret ptr %answer
go:
  %function.i = call i64 @word(ptr %room, i64 5)
  %least = call i64 @word(ptr %room, i64 6)
  %means = call i64 @word(ptr %room, i64 7)
  %limit = call i64 @word(ptr %room, i64 8)
  %lanes = call i64 @word(ptr %room, i64 9)
  %unit = call i64 @word(ptr %room, i64 10)
  %function = inttoptr i64 %function.i to ptr
  %bool = call ptr @api(ptr %head, i64 $PyBool_FromLong)
  %save = call ptr @api(ptr %head, i64 $PyEval_SaveThread)
  %restore = call ptr @api(ptr %head, i64 $PyEval_RestoreThread)
  %alone = icmp eq ptr %t, null
  br i1 %alone, label %one, label %batch
one:
  %one.thread = call ptr %save()
  call void %function(ptr %s, ptr %u, ptr %o)
  call void %restore(ptr %one.thread)
  br label %yes
batch:
  %size.at = getelementptr i64, ptr %t, i64 -1
  %size = load i64, ptr %size.at
  %large = icmp sgt i64 %size, %limit
  br i1 %large, label %no, label %all
all:
  %more = add i64 %size, %unit
  %more.less = sub i64 %more, 1
  %units = udiv i64 %more.less, %unit
  %even = mul i64 %units, %lanes
  %long = icmp ugt i64 %even, %least
  %length = select i1 %long, i64 %even, i64 %least
  %over = add i64 %size, %length
  %over.less = sub i64 %over, 1
  %shards = udiv i64 %over.less, %length
  %thread = call ptr %save()
  call void %function(i64 %shards, i64 %length, i64 %size, ptr %s, ptr %u, ptr %t, ptr %w, ptr %p, ptr %o)
  call void %restore(ptr %thread)
  %size.f = sitofp i64 %size to double
  %size.0 = insertelement <4 x double> poison, double %size.f, i64 0
  %size.4 = shufflevector <4 x double> %size.0, <4 x double> poison, <4 x i32> zeroinitializer
  br label %four
four:
  %i4 = phi i64 [ 0, %all ], [ %i4.next, %divide4 ]
  %i4.next = add i64 %i4, 4
  %fits = icmp sle i64 %i4.next, %means
  br i1 %fits, label %divide4, label %mean
divide4:
  %y4.at = getelementptr double, ptr %o, i64 %i4
  %y4 = load <4 x double>, ptr %y4.at, align 8
  %y4.mean = fdiv <4 x double> %y4, %size.4
  store <4 x double> %y4.mean, ptr %y4.at, align 8
  br label %four
mean:
  %i = phi i64 [ %i4, %four ], [ %i.next, %divide ]
  %end = icmp eq i64 %i, %means
  br i1 %end, label %yes, label %divide
divide:
  %y.at = getelementptr double, ptr %o, i64 %i
  %y = load double, ptr %y.at
  %y.mean = fdiv double %y, %size.f
  store double %y.mean, ptr %y.at
  %i.next = add i64 %i, 1
  br label %mean
yes:
  %true = call ptr %bool(i64 1)
  ret ptr %true
no:
  %false = call ptr %bool(i64 0)
  ret ptr %false
}

define ptr @watch(ptr %self, ptr %args, i64 %count) {
  %place = alloca i64
  %key = alloca ptr
  %value = alloca ptr
  %own = getelementptr i8, ptr %self, i64 $BYTES
  %head = load ptr, ptr %own
  %start = getelementptr i8, ptr %head, i64 $START
  br label %next
next:
  %pc = phi ptr [ %start, %0 ], [ %listed, %list.next ], [ %dict.pc, %dict.end ],
    [ %after3, %cell ], [ %after4, %name ], [ %after3, %kind ]
  %ok = phi i1 [ true, %0 ], [ true, %list.next ], [ %dict.all, %dict.end ],
    [ %cell.ok, %cell ], [ %name.ok, %name ], [ %kind.ok, %kind ]
  br i1 %ok, label %go, label %no
go:
  %code = call i64 @word(ptr %pc, i64 0)
  %a = call i64 @word(ptr %pc, i64 1)
  %b = call i64 @word(ptr %pc, i64 2)
  %c = call i64 @word(ptr %pc, i64 3)
  %o = inttoptr i64 %a to ptr
  %after3 = getelementptr i64, ptr %pc, i64 3
  %after4 = getelementptr i64, ptr %pc, i64 4
  switch i64 %code, label %yes [
    i64 0, label %list
    i64 1, label %dict
    i64 2, label %cell
    i64 3, label %name
    i64 4, label %kind
  ]
list:
  %list.n = call i64 @field(ptr %o, i64 $SIZE)
  %list.all = icmp eq i64 %list.n, %b
  %items = call ptr @items(ptr %o, i64 0)
  %listed = getelementptr i64, ptr %after3, i64 %b
  br i1 %list.all, label %list.next, label %no
list.next:
  %i = phi i64 [ 0, %list ], [ %i.next, %list.one ]
  %list.end = icmp eq i64 %i, %b
  br i1 %list.end, label %next, label %list.one
list.one:
  %item = call i64 @word(ptr %items, i64 %i)
  %expected = call i64 @word(ptr %after3, i64 %i)
  %list.same = icmp eq i64 %item, %expected
  %i.next = add i64 %i, 1
  br i1 %list.same, label %list.next, label %no
dict:
  store i64 0, ptr %place
  br label %dict.next
dict.next:
  %dict.pc = phi ptr [ %after3, %dict ], [ %dict.then, %dict.fits ]
  %j = phi i64 [ 0, %dict ], [ %j.next, %dict.fits ]
  %f12 = call ptr @api(ptr %head, i64 $PyDict_Next)
  %more = call i32 %f12(ptr %o, ptr %place, ptr %key, ptr %value)
  %is.end = icmp eq i32 %more, 0
  %dict.all = icmp eq i64 %j, %b
  br i1 %is.end, label %dict.end, label %dict.more
dict.end:
  br label %next
dict.more:
  br i1 %dict.all, label %no, label %dict.one
dict.one:
  %k = load i64, ptr %key
  %k.expected = call i64 @word(ptr %dict.pc, i64 0)
  %k.same = icmp eq i64 %k, %k.expected
  %v = load i64, ptr %value
  %v.expected = call i64 @word(ptr %dict.pc, i64 1)
  %v.same = icmp eq i64 %v, %v.expected
  %v.any = icmp eq i64 %v.expected, 0
  %v.ok = or i1 %v.same, %v.any
  %fits = and i1 %k.same, %v.ok
  br i1 %fits, label %dict.fits, label %no
dict.fits:
  %dict.then = getelementptr i64, ptr %dict.pc, i64 2
  %j.next = add i64 %j, 1
  br label %dict.next
cell:
  %held = call i64 @field(ptr %o, i64 $CELL)
  %cell.ok = icmp eq i64 %held, %b
  br label %next
kind:
  %kind.is = call i64 @field(ptr %o, i64 $TYPE)
  %kind.ok = icmp eq i64 %kind.is, %b
  br label %next
name:
  %name.key = inttoptr i64 %b to ptr
  %f13 = call ptr @api(ptr %head, i64 $PyDict_GetItem)
  %found = call ptr %f13(ptr %o, ptr %name.key)
  %found.at = ptrtoint ptr %found to i64
  %name.ok = icmp eq i64 %found.at, %c
  br label %next
yes:
  %f14 = call ptr @api(ptr %head, i64 $PyBool_FromLong)
  %true = call ptr %f14(i64 1)
  ret ptr %true
no:
  %f15 = call ptr @api(ptr %head, i64 $PyBool_FromLong)
  %false = call ptr %f15(i64 0)
  ret ptr %false
}

define internal ptr @made(ptr %pc, ptr %head, ptr %result) {
  %value = alloca ptr
  %code = call i64 @word(ptr %pc, i64 0)
  %a = call i64 @word(ptr %pc, i64 1)
  %b = call i64 @word(ptr %pc, i64 2)
  %after2 = getelementptr i64, ptr %pc, i64 2
  %after3 = getelementptr i64, ptr %pc, i64 3
  switch i64 %code, label %piece [
    i64 0, label %float
    i64 1, label %row
    i64 2, label %dict
  ]

float:
  %ys = load ptr, ptr %head
  %y.at = getelementptr double, ptr %ys, i64 %a
  %y = load double, ptr %y.at
  %float.f = call ptr @api(ptr %head, i64 $PyFloat_FromDouble)
  %float.new = call ptr %float.f(double %y)
  store ptr %float.new, ptr %result
  ret ptr %after2

row:
  %is.tuple = icmp ne i64 %a, 0
  %list.f = call ptr @api(ptr %head, i64 $PyList_New)
  %tuple.f = call ptr @api(ptr %head, i64 $PyTuple_New)
  %row.f = select i1 %is.tuple, ptr %tuple.f, ptr %list.f
  %row.new = call ptr %row.f(i64 %b)
  store ptr %row.new, ptr %result
  %row.failed = icmp eq ptr %row.new, null
  br i1 %row.failed, label %fail, label %row.base
row.base:
  %items = call ptr @items(ptr %row.new, i64 %a)
  br label %row.next
row.next:
  %i = phi i64 [ 0, %row.base ], [ %i.next, %row.more ]
  %row.pc = phi ptr [ %after3, %row.base ], [ %row.then, %row.more ]
  %row.end = icmp eq i64 %i, %b
  br i1 %row.end, label %row.done, label %row.one
row.one:
  %item = getelementptr ptr, ptr %items, i64 %i
  %row.then = call ptr @made(ptr %row.pc, ptr %head, ptr %item)
  %i.next = add i64 %i, 1
  %row.one.failed = icmp eq ptr %row.then, null
  br i1 %row.one.failed, label %fail, label %row.more
row.more:
  br label %row.next
row.done:
  ret ptr %row.pc

dict:
  %model = inttoptr i64 %a to ptr
  %copy.f = call ptr @api(ptr %head, i64 $PyDict_Copy)
  %dict.new = call ptr %copy.f(ptr %model)
  store ptr %dict.new, ptr %result
  %dict.failed = icmp eq ptr %dict.new, null
  br i1 %dict.failed, label %fail, label %dict.next
dict.next:
  %j = phi i64 [ 0, %dict ], [ %j.next, %dict.more ]
  %dict.pc = phi ptr [ %after3, %dict ], [ %dict.then, %dict.more ]
  %dict.end = icmp eq i64 %j, %b
  br i1 %dict.end, label %dict.done, label %dict.one
dict.one:
  %key = load ptr, ptr %dict.pc
  %dict.item = getelementptr i64, ptr %dict.pc, i64 1
  %dict.then = call ptr @made(ptr %dict.item, ptr %head, ptr %value)
  %dict.one.failed = icmp eq ptr %dict.then, null
  br i1 %dict.one.failed, label %fail, label %dict.set
dict.set:
  %set.f = call ptr @api(ptr %head, i64 $PyDict_SetItem)
  %v = load ptr, ptr %value
  %set = call i32 %set.f(ptr %dict.new, ptr %key, ptr %v)
  %decref.f = call ptr @api(ptr %head, i64 $Py_DecRef)
  call void %decref.f(ptr %v)
  %j.next = add i64 %j, 1
  %set.failed = icmp ne i32 %set, 0
  br i1 %set.failed, label %fail, label %dict.more
dict.more:
  br label %dict.next
dict.done:
  ret ptr %dict.pc

piece:
  %pieces.at = getelementptr ptr, ptr %head, i64 1
  %pieces = load ptr, ptr %pieces.at
  %piece.items = call ptr @items(ptr %pieces, i64 1)
  %piece.at = getelementptr ptr, ptr %piece.items, i64 %a
  %piece.is = load ptr, ptr %piece.at
  %incref.f = call ptr @api(ptr %head, i64 $Py_IncRef)
  call void %incref.f(ptr %piece.is)
  store ptr %piece.is, ptr %result
  ret ptr %after2
fail:
  ret ptr null
}

define ptr @build(ptr %self, ptr %args, i64 %count) {
  %result = alloca ptr
  %own = getelementptr i8, ptr %self, i64 $BYTES
  %head = load ptr, ptr %own
  %array = load ptr, ptr %args
  %ys.at = getelementptr i8, ptr %array, i64 $DATA
  %ys = load ptr, ptr %ys.at
  store ptr %ys, ptr %head
  %pieces.from = getelementptr ptr, ptr %args, i64 1
  %pieces = load ptr, ptr %pieces.from
  %pieces.to = getelementptr ptr, ptr %head, i64 1
  store ptr %pieces, ptr %pieces.to
  %off.f = call ptr @api(ptr %head, i64 $PyGC_Disable)
  %was.on = call i32 %off.f()
  %start = getelementptr i8, ptr %head, i64 $START
  %end = call ptr @made(ptr %start, ptr %head, ptr %result)
  %on = icmp ne i32 %was.on, 0
  br i1 %on, label %again, label %answer
again:
  %on.f = call ptr @api(ptr %head, i64 $PyGC_Enable)
  %ignored = call i32 %on.f()
  br label %answer
answer:
  %failed = icmp eq ptr %end, null
  %made = load ptr, ptr %result
  %answered = select i1 %failed, ptr null, ptr %made
  ret ptr %answered
}
"""
