"""redis-py, driven from outside: a JSON array a line in, [METHOD, ARGUMENT, ...], and {"ok": ...} or {"err": ...} a line out.

`listen` subscribes to patterns, `hear` gives the next message as [CHANNEL, DATA], or null after so many seconds, `ready` does
nothing; everything else is a method of the client.
"""

import json
import sys

import redis

# Whatever happens to the server, an answer comes.
SECONDS = 10

client = redis.Redis(
    port=int(sys.argv[1]), decode_responses=True, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
)
channels = client.pubsub()


def listen(*patterns):
    channels.psubscribe(*patterns)
    for _ in patterns:
        assert channels.get_message(timeout=SECONDS)["type"] == "psubscribe"


def hear(seconds):
    message = channels.get_message(timeout=seconds)
    return message and [message["channel"], message["data"]]


own = {"ready": lambda: None, "listen": listen, "hear": hear}
for line in sys.stdin:
    method, *arguments = json.loads(line)
    try:
        answer = {"ok": (own.get(method) or getattr(client, method))(*arguments)}
    except redis.RedisError as error:
        answer = {"err": str(error)}
    print(json.dumps(answer), flush=True)
