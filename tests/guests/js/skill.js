/**
 * The skill `jsskill`, written in JavaScript against the world `tool-skill`.
 *
 * Promises: `shout` answers its text in upper case, `stats` the figures of a list of numbers, and both leave the same
 * trace as their Python twin: one log line, and for `stats` the last result on the blackboard under `jsskill:last`. A
 * board that refuses changes nothing but the field `stored`. Costs: a component of about 12 MB, slow to compile.
 */
import * as blackboard from "skillhost:skill/blackboard@0.1.0";
import * as run from "skillhost:skill/run@0.1.0";

const NAME = "jsskill";

const SHOUT_INPUT = {
  type: "object",
  properties: { text: { type: "string", description: "What to shout." } },
  required: ["text"],
  additionalProperties: false,
};
const STATS_INPUT = {
  type: "object",
  properties: { numbers: { type: "array", items: { type: "number" }, minItems: 1 } },
  required: ["numbers"],
  additionalProperties: false,
};
const STATS_OUTPUT = {
  type: "object",
  properties: {
    count: { type: "integer" },
    min: { type: "number" },
    max: { type: "number" },
    mean: { type: "number" },
    stored: { type: "boolean" },
  },
  required: ["count", "min", "max", "mean", "stored"],
};

/** A thrown object of this form becomes the `err` of the WIT result. */
const invalid = (why) => ({ tag: "invalid-input", val: why });

const answer = (data, text) => ({ data: JSON.stringify(data), content: [{ tag: "text", val: text }] });

/** The input as an object. Checked again here: a skill must not count on its host to have done so. */
function read(document) {
  let value;
  try {
    value = JSON.parse(document);
  } catch (error) {
    throw invalid(`the input is no JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalid("the input is no object");
  return value;
}

function shout({ text }) {
  if (typeof text !== "string") throw invalid("`text` must be a string");
  const loud = text.toUpperCase();
  return answer({ text: loud }, loud);
}

function stats({ numbers }) {
  if (!Array.isArray(numbers) || numbers.length === 0 || !numbers.every((n) => typeof n === "number")) {
    throw invalid("`numbers` must be a list of at least one number");
  }
  const figures = {
    count: numbers.length,
    min: numbers.reduce((a, b) => Math.min(a, b)),
    max: numbers.reduce((a, b) => Math.max(a, b)),
    mean: numbers.reduce((a, b) => a + b) / numbers.length,
  };
  try {
    blackboard.set(`${NAME}:last`, JSON.stringify(figures), undefined);
    figures.stored = true;
  } catch (refusal) {
    run.log("warn", `the result was not stored: ${JSON.stringify(refusal.payload ?? String(refusal))}`);
    figures.stored = false;
  }
  return answer(figures, `${figures.count} numbers, mean ${figures.mean}`);
}

const tools = { shout, stats };

export const skill = {
  describe() {
    const idempotent = { readOnly: false, destructive: false, idempotent: true, openWorld: false };
    return {
      name: NAME,
      version: "1.0.0",
      description: "Shouts texts and sums up numbers, in JavaScript.",
      tools: [
        {
          name: "shout",
          description: "Answers the text in upper case.",
          inputSchema: JSON.stringify(SHOUT_INPUT),
          outputSchema: undefined,
          hints: { ...idempotent, readOnly: true },
        },
        {
          name: "stats",
          description: "Count, least, greatest and mean of the numbers.",
          inputSchema: JSON.stringify(STATS_INPUT),
          outputSchema: JSON.stringify(STATS_OUTPUT),
          hints: idempotent,
        },
      ],
      subscriptions: [],
      wants: [
        { capability: "blackboard.write", scope: `${NAME}:*`, reason: "Keeps the last figures for other skills." },
      ],
    };
  },

  call(tool, input) {
    run.log("info", `${tool} was called with ${input.length} characters`);
    if (!Object.hasOwn(tools, tool)) throw invalid(`there is no tool \`${tool}\``);
    return tools[tool](read(input));
  },
};
