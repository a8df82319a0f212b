"""Reference of the life of alerts, written from docs/alert-rules.md, docs/alert-lifecycle.md,
docs/scores.md and docs/alert1.md, so that a second reading of them stands beside the program's.

It takes a configuration as a mapping in the form of the file and the steps of one test (rows and
commands, whole seconds), and gives the events that the documents promise. It looks at everything
each second and is plain rather than fast. Values are 32-bit floats where the documents say so, and
sums are not: what is drawn keeps away from ties that only rounding decides. Not modelled: the stage
`artefact`, forecasts by probability, models whose answers are more than sums, and trouble of the
program itself.

    terms         numbers of the tables, times, values in their units
    conditions    bounds, and the times of a condition
    values        what the values of one channel say, by the kind of rule
    scores        early warning scores, by their files as data
    combinations  conditions joined
    models        two models, so small that their answers are known
    ahead         what they say of ticks: forecasts, and what is unusual
    episode       what becomes of an alert
    rules         rules about what values say
    technical     rules about what is wrong with the data
    patient       rows and commands
    reference     a configuration over the steps of a test
    draw, draw_*   random configurations and steps
"""
from .draw import draw_config, draw_steps, playable
from .draw_ahead import draw_ahead_config, draw_ahead_steps
from .draw_scores import draw_scores_config, draw_scores_steps
from .draw_values import draw_values_config, draw_values_steps
from .models import write_models
from .patient import COMMANDS
from .reference import Reference
from .terms import START_S, f32

__all__ = ["COMMANDS", "START_S", "Reference", "draw_ahead_config", "draw_ahead_steps",
           "draw_config", "draw_scores_config", "draw_scores_steps", "draw_steps",
           "draw_values_config", "draw_values_steps", "f32", "playable", "write_models"]
