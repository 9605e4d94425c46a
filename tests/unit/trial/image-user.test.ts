import { describe, expect, it } from "vitest";
import { imageUser } from "../../../src/trial/image-user.ts";

const files: Readonly<Record<string, string>> = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\n# comment\napp:x:1000:1001:app:/home/app:/bin/sh\n42:x:77:78::/odd:\n",
  "etc/group": "root:x:0:\napp:x:1001:app\nextra:x:2000:root,app\nbad:x:many:app\n",
};
const read = (path: string): string | undefined => files[path];
const nothing = (): undefined => undefined;

describe("the user of an image", () => {
  it.each([
    ["", { uid: 0, gid: 0, additionalGids: [2000], home: "/root" }],
    ["root", { uid: 0, gid: 0, additionalGids: [2000], home: "/root" }],
    ["app", { uid: 1000, gid: 1001, additionalGids: [2000], home: "/home/app" }],
    ["1000", { uid: 1000, gid: 1001, additionalGids: [2000], home: "/home/app" }],
    ["app:extra", { uid: 1000, gid: 2000, additionalGids: [], home: "/home/app" }],
    ["app:5", { uid: 1000, gid: 5, additionalGids: [], home: "/home/app" }],
    ["5000", { uid: 5000, gid: 0, additionalGids: [], home: "/" }],
    ["5000:6000", { uid: 5000, gid: 6000, additionalGids: [], home: "/" }],
    // A name goes before a number.
    ["42", { uid: 77, gid: 78, additionalGids: [], home: "/odd" }],
  ] as const)("reads %o", (text, expected) => {
    expect(imageUser(text, read)).toEqual(expected);
  });

  it("takes numbers without any file, and refuses names", () => {
    expect(imageUser("1:2", nothing)).toEqual({ uid: 1, gid: 2, additionalGids: [], home: "/" });
    expect(() => imageUser("app", nothing)).toThrow('The image has no user "app" in /etc/passwd.');
    expect(() => imageUser("0:staff", nothing)).toThrow('The image has no group "staff" in /etc/group.');
    expect(() => imageUser("99999999999", nothing)).toThrow("no user");
  });
});
