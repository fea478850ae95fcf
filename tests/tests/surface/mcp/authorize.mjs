// Stands between the conformance suite and a host: sends the token, which the suite cannot, and puts the host's names in the place of
// those that the suite gives to the tools and files of its own server. Everything else goes through as it is.

import http from "node:http";

const { upstream, token, names } = JSON.parse(process.argv[2]);
const target = new URL(upstream);

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  let body = Buffer.concat(parts).toString();
  for (const [theirs, ours] of names) body = body.replaceAll(theirs, ours);
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  delete headers["transfer-encoding"];
  if (parts.length > 0) headers["content-length"] = Buffer.byteLength(body);
  for (const name of ["host", "origin"]) {
    headers[name] = headers[name]?.replace(`:${server.address().port}`, `:${target.port}`);
    if (headers[name] === undefined) delete headers[name];
  }
  const onward = http.request(
    { host: target.hostname, port: target.port, path: request.url, method: request.method, headers },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  onward.end(body);
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
