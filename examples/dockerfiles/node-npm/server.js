// Says on every request for how long it has been running.
import { createServer } from "node:http";
import ms from "ms";

const started = Date.now();
const server = createServer((_request, response) => {
  response.end(`${process.platform}/${process.arch}, up for ${ms(Date.now() - started, { long: true })}\n`);
});

if (process.argv.includes("--check")) console.log(`${process.arch} ${ms("2 days")}`);
else server.listen(Number(process.env.PORT ?? 8080));
