"""The other side of the blackboard, as any program with redis-py writes it. Run by `tests/python.rs`."""

import json
import sys

import redis

board = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
inbox = board.pubsub()
inbox.subscribe("timmy:to-python")
assert inbox.get_message(timeout=10)["type"] == "subscribe"
print("ready", flush=True)

# Keys of the default tenant are plain, those of another are marked; times to live are Redis's own.
assert board.get("timmy:skill") == "from a skill, grün"
assert 590_000 < board.pttl("timmy:skill") <= 600_000, board.pttl("timmy:skill")
assert board.ttl("timmy:forever") == -1
assert 3_500 < board.ttl("timmy:default") <= 3_600
assert board.get("timmy:@other:skill") == "of another tenant"
assert board.incrby("timmy:count", 5) == 47

board.set("timmy:python", "from python, grün", px=600_000)
board.set("timmy:soon", "gone", px=1)
board.rpush("timmy:list", "a")
board.set("timmy:bytes", b"\xff\xfe")

# What a skill publishes is the payload and one field more; what goes the other way is the payload alone.
assert board.publish("timmy:to-skill", json.dumps({"n": 12345678901234567890, "text": "grün"}, ensure_ascii=False)) == 1
assert board.publish("timmy:to-skill", "no json") == 1
assert board.publish("timmy:to-skill", '{"a": 1.50, "_skillhost": "made up"}') == 1
message = inbox.get_message(timeout=10)
payload = json.loads(message["data"])
own = payload.pop("_skillhost")
assert payload == {"n": 12345678901234567890, "list": [1.5, None]}, payload
assert own["source"] == "tester" and own["hops"] == 2 and len(own["id"]) == 26, own
print("done", flush=True)
