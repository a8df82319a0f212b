"""Reference of the life of alerts, written from docs/alert-rules.md, docs/alert-lifecycle.md and
docs/alert1.md alone, so that a second reading of them stands beside the program's.

It takes a configuration as a mapping in the form of the file and the steps of one test (rows and
commands, whole seconds), and gives the events that the documents promise. It looks at everything
each second and is plain rather than fast. Not modelled: forecasts, anomalies, scores, trends, and
`artefact`.

    terms       numbers of the tables, times
    conditions  bounds, and the times of a condition
    values      when something holds of the values of one channel, by the kind of rule
    combinations  conditions joined
    episode     what becomes of an alert
    rules       rules by what they look at: values, silence, probes
    patient     rows and commands
    reference   a configuration over the steps of a test
    draw, draw_values  random configurations and steps
"""
from .draw import draw_config, draw_steps, playable
from .draw_values import draw_values_config, draw_values_steps
from .draw_scores import draw_scores_config, draw_scores_steps
from .patient import COMMANDS
from .reference import Reference
from .terms import START_S, f32

__all__ = ["COMMANDS", "START_S", "Reference", "draw_config", "draw_steps",
           "draw_scores_config", "draw_scores_steps", "draw_values_config", "draw_values_steps", "f32", "playable"]
