import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "network-transient",
  title: "A transfer broke off",
  architecture: false,
  patterns: [
    { line: /(?:https?:|dial tcp|failed to do request).{0,400}(?:context )?deadline exceeded/, score: 60 },
    {
      line: /\b(?:ECONNRESET|ETIMEDOUT|ESOCKETTIMEDOUT|ECONNREFUSED|EPROTO|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_\w{1,40}TIMEOUT|UND_ERR_SOCKET|NU1301)\b/,
      score: 60,
    },
    {
      line: /stream error: stream ID \d|http2: (?:server sent GOAWAY|client connection lost|Transport)|stream \d{1,6} was not closed cleanly|too many connection resets|Premature close|unexpected disconnect while reading sideband|remote end hung up unexpectedly|Curl error \((?:7|16|18|28|35|52|55|56|92)\)|SSL_ERROR_SYSCALL|unexpected eof while reading|Timeout was reached|RemoteFetcher::FetchError|Could not transfer artifact|Received status code 50\d from server|Unable to load the service index|HTTPS? Error 50\d|error trying to connect: /i,
      nearNot: /PKIX|certificate|401|403|x509/,
      score: 60,
    },
    {
      line: /connection reset by peer|socket hang up|Connection (?:timed out|was reset|closed by|aborted|died|failed)|network timeout|TLS handshake timeout|i\/o timeout|unexpected EOF|IncompleteRead|Read timed out|ReadTimeout|ConnectTimeout|ChunkedEncodingError|ProtocolError|Hash Sum mismatch|File has unexpected size|RPC failed|early EOF|GnuTLS recv error|HTTP\/2 stream|curl: \((?:7|16|18|28|35|52|55|56|92)\)|Could not connect to|Failed to connect to|Unable to connect to|Network is unreachable|No route to host|Connection refused|connection broken|request canceled|net\/http: |short read|httpReadSeeker|failed to copy: |spurious network error|download of \S{1,80} failed|transfer closed|broken pipe/i,
      score: 60,
    },
    {
      line: /(?:50[0234]) (?:Bad Gateway|Service Unavailable|Gateway Time-?out|Internal Server Error|Service Temporarily)|status(?: code)?:? 50[0234]|returned error: 50\d|HTTP Error 50\d|error: 5\d\d/i,
      score: 62,
    },
    {
      line: /Failed to fetch \S{1,300} .{0,80}(?:Connection|timed out|50\d)|Cannot initiate the connection|temporary error|Some index files failed to download|TLS: server certificate not trusted|IO ERROR|network error|try again later|failed to do request: /i,
      score: 56,
    },
  ],
  above: ["generic-user-error"],
  why: "A server or the network between broke a download or upload off, or didn't answer in time. Neither the CPU nor the Dockerfile has a part in it.",
  fixes: [
    { title: "Run the build again", detail: "What was done is in the cache." },
    {
      title: "Let the tools try several times",
      detail:
        "curl --retry 5 --retry-all-errors, apt-get -o Acquire::Retries=3, pip --retries 10, npm config set fetch-retries 5; fewer platforms at once.",
    },
  ],
  references: [],
  bad: [
    "#7 [build 3/3] RUN go mod download\n#7 9.0 go: example.com/lib@v1.0.1: reading https://proxy.example.com/lib/@v/v1.0.1.zip: stream error: stream ID 41; INTERNAL_ERROR; received from peer",
    "#7 9.0 Gem::RemoteFetcher::FetchError: too many connection resets (https://gems.example.com/gems/rack.gem)",
    "#9 30.1 curl: (56) OpenSSL SSL_read: Connection reset by peer, errno 104",
    "#9 30.1 E: Failed to fetch http://mirror.example/debian/pool/main/g/gcc/gcc.deb  502  Bad Gateway [IP: 192.0.2.1 80]",
  ],
  good: [
    "39\t        except ConnectionResetError:  # ECONNRESET, connection reset by peer",
    "> Task :core:generateProto FAILED\nExecution failed for task ':core:generateProto'.",
    "  7:3  error  'ECONNRESET' is assigned a value but never used  no-unused-vars",
    'Expected: "Connection refused"\nReceived: "socket hang up"',
    "curl: (22) The requested URL returned error: 404",
  ],
};
