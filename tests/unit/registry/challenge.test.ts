import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeScopes } from "../../../src/registry/auth.ts";
import { parseChallenges } from "../../../src/registry/challenge.ts";

describe("parseChallenges", () => {
  it.each([
    ["", []],
    ["Basic", [{ scheme: "basic", parameters: {} }]],
    ['Basic realm="a, b \\"c\\""', [{ scheme: "basic", parameters: { realm: 'a, b "c"' } }]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:a/b:pull,push",
          },
        },
      ],
    ],
    [
      'Negotiate, Basic realm=one , BEARER Realm = "two" , error=insufficient_scope',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "one" } },
        { scheme: "bearer", parameters: { realm: "two", error: "insufficient_scope" } },
      ],
    ],
    [
      'NTLM TlRMTVNTUAAC==, Basic realm="x"',
      [
        { scheme: "ntlm", parameters: {} },
        { scheme: "basic", parameters: { realm: "x" } },
      ],
    ],
    [", ,Basic realm=x,", [{ scheme: "basic", parameters: { realm: "x" } }]],
    ["=;\u0000", []],
  ])("reads %j", (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });

  const token = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,8}$/);
  const challenge = fc.record({
    scheme: token,
    parameters: fc.uniqueArray(fc.tuple(token, fc.string()), {
      selector: ([name]) => name.toLowerCase(),
      minLength: 1,
      maxLength: 4,
    }),
  });

  it("reads back any list of challenges", () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
        const header = challenges
          .map(
            ({ scheme, parameters }) =>
              `${scheme} ${parameters.map(([k, value]) => `${k}=${quote(value)}`).join(", ")}`,
          )
          .join(", ");
        expect(parseChallenges(header)).toEqual(
          challenges.map(({ scheme, parameters }) => ({
            scheme: scheme.toLowerCase(),
            parameters: Object.fromEntries(parameters.map(([name, value]) => [name.toLowerCase(), value])),
          })),
        );
      }),
    );
  });

  it("ends for any input", () => {
    fc.assert(fc.property(fc.string(), (header) => Array.isArray(parseChallenges(header))));
  });
});

describe("mergeScopes", () => {
  it("joins the actions of each resource", () => {
    expect(
      mergeScopes([
        "repository:b:push",
        "repository:b:pull",
        "repository:a:pull",
        "repository:a:pull",
        "registry:catalog:*",
      ]),
    ).toEqual(["registry:catalog:*", "repository:a:pull", "repository:b:pull,push"]);
  });
});
