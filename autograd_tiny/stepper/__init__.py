"""Step through backpropagation, forwards and back in time.

events.py       the steps: forward, seed, backward
flags.py        properties of a step, one row each: nan, kink, dead
breakpoints.py  conditions to stop at
traces.py       `trace`: all steps of a backward pass
trace_json.py   a trace as JSON and back
attribution.py  `why`, `paths`: contributions to a gradient
narration.py    a step in words
habits.py       what each op does with a gradient, in a few words
museum.py       wrong backward passes beside the right one
origins.py      the first value and gradient that are not finite
diagnosis.py    `diagnose`: the origin of a nan
views/          terminal, prompt, page, frames, slides, work sheet
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.stepper.attribution import paths as paths
    from autograd_tiny.stepper.attribution import why as why
    from autograd_tiny.stepper.breakpoints import BreakpointError as BreakpointError
    from autograd_tiny.stepper.diagnosis import Diagnosis as Diagnosis
    from autograd_tiny.stepper.diagnosis import diagnose as diagnose
    from autograd_tiny.stepper.museum import BUGS as BUGS
    from autograd_tiny.stepper.museum import exhibit as exhibit
    from autograd_tiny.stepper.trace_json import from_json as from_json
    from autograd_tiny.stepper.trace_json import to_json as to_json
    from autograd_tiny.stepper.traces import Trace as Trace
    from autograd_tiny.stepper.traces import trace as trace
    from autograd_tiny.stepper.views.page import write_page as write_page
    from autograd_tiny.stepper.views.prompt import debug as debug
    from autograd_tiny.stepper.views.sequence import filmstrip as filmstrip
    from autograd_tiny.stepper.views.sequence import frames as frames
    from autograd_tiny.stepper.views.sequence import gif as gif
    from autograd_tiny.stepper.views.sequence import tikz as tikz
    from autograd_tiny.stepper.views.slides import slides as slides
    from autograd_tiny.stepper.views.terminal import print_trace as print_trace
    from autograd_tiny.stepper.views.worksheet import worksheet as worksheet

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        ".traces": "Trace trace",
        ".attribution": "paths why",
        ".breakpoints": "BreakpointError",
        ".diagnosis": "Diagnosis diagnose",
        ".museum": "BUGS exhibit",
        ".trace_json": "from_json to_json",
        ".views.page": "write_page",
        ".views.prompt": "debug",
        ".views.sequence": "filmstrip frames gif tikz",
        ".views.slides": "slides",
        ".views.terminal": "print_trace",
        ".views.worksheet": "worksheet",
    },
)
