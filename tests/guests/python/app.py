"""The skill `pyskill`, written in Python against the world `tool-skill`.

Promises: `shout` answers its text in upper case, `stats` the figures of a list of numbers, and both leave the same trace
as their JavaScript twin: one log line, and for `stats` the last result on the blackboard under `pyskill:last`. A board that
refuses changes nothing but the field `stored`. Costs: a component of about 18 MB, whose compilation takes seconds.
"""

import json

from componentize_py_types import Err, Ok
from wit_world.exports import Skill as SkillExport
from wit_world.exports import skill
from wit_world.imports import blackboard, run

NAME = "pyskill"

SHOUT_INPUT = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "What to shout."}},
    "required": ["text"],
    "additionalProperties": False,
}
STATS_INPUT = {
    "type": "object",
    "properties": {"numbers": {"type": "array", "items": {"type": "number"}, "minItems": 1}},
    "required": ["numbers"],
    "additionalProperties": False,
}
STATS_OUTPUT = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "mean": {"type": "number"},
        "stored": {"type": "boolean"},
    },
    "required": ["count", "min", "max", "mean", "stored"],
}


def read(document: str) -> dict:
    """The input as an object. Checked again here: a skill must not count on its host to have done so."""
    try:
        value = json.loads(document)
    except ValueError as error:
        raise Err(skill.ToolError_InvalidInput(f"the input is no JSON: {error}")) from None
    if not isinstance(value, dict):
        raise Err(skill.ToolError_InvalidInput("the input is no object"))
    return value


def answer(data: dict, text: str) -> skill.Output:
    return skill.Output(data=json.dumps(data), content=[skill.Content_Text(text)])


def shout(fields: dict) -> skill.Output:
    text = fields.get("text")
    if not isinstance(text, str):
        raise Err(skill.ToolError_InvalidInput("`text` must be a string"))
    loud = text.upper()
    return answer({"text": loud}, loud)


def stats(fields: dict) -> skill.Output:
    numbers = fields.get("numbers")
    if not isinstance(numbers, list) or not numbers or not all(type(n) in (int, float) for n in numbers):
        raise Err(skill.ToolError_InvalidInput("`numbers` must be a list of at least one number"))
    figures = {
        "count": len(numbers),
        "min": min(numbers),
        "max": max(numbers),
        "mean": sum(numbers) / len(numbers),
    }
    try:
        blackboard.set(f"{NAME}:last", json.dumps(figures), None)
        figures["stored"] = True
    except Err as refusal:
        run.log(run.Level.WARN, f"the result was not stored: {refusal.value}")
        figures["stored"] = False
    return answer(figures, f"{figures['count']} numbers, mean {figures['mean']}")


TOOLS = {"shout": shout, "stats": stats}


class Skill(SkillExport):
    def describe(self) -> skill.Manifest:
        hints = skill.ToolHints.READ_ONLY | skill.ToolHints.IDEMPOTENT
        return skill.Manifest(
            name=NAME,
            version="1.0.0",
            description="Shouts texts and sums up numbers, in Python.",
            tools=[
                skill.Tool("shout", "Answers the text in upper case.", json.dumps(SHOUT_INPUT), None, hints),
                skill.Tool(
                    "stats",
                    "Count, least, greatest and mean of the numbers.",
                    json.dumps(STATS_INPUT),
                    json.dumps(STATS_OUTPUT),
                    skill.ToolHints.IDEMPOTENT,
                ),
            ],
            subscriptions=[],
            wants=[skill.Want("blackboard.write", f"{NAME}:*", "Keeps the last figures for other skills.")],
        )

    def call(self, tool: str, input: str) -> skill.Output:
        run.log(run.Level.INFO, f"{tool} was called with {len(input)} characters")
        if tool not in TOOLS:
            raise Err(skill.ToolError_InvalidInput(f"there is no tool `{tool}`"))
        return TOOLS[tool](read(input))
