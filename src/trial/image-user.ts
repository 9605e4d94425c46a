import { AnyarchError } from "../errors/error.ts";

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** From /etc/passwd; "/" where the user isn't in it. */
  readonly home: string;
}

/** The text of a file of the image; undefined where it has none. */
export type ReadImageFile = (path: string) => string | undefined;

const maxId = 0xffff_fffe;

/**
 * Who a process of an image is: image-spec config.md "User": user, uid, user:group, uid:gid, uid:group, user:gid, names
 * looked up in the image's own /etc/passwd and /etc/group. A user without a group has the group of /etc/passwd, and
 * those of /etc/group that name them. "" is root. Throws TRIAL_USER_UNKNOWN.
 */
export function imageUser(text: string, read: ReadImageFile): ContainerUser {
  const [name = "", group] = text.split(":");
  const user = name === "" ? "0" : name;
  const rows = table(read("etc/passwd"));
  const number = idOf(user);
  const row =
    rows.find(([login]) => login === user) ??
    rows.find(([, , uid]) => idOf(uid) === number && number !== undefined);
  const uid = idOf(row?.[2]) ?? number;
  if (uid === undefined) throw unknown("user", user, "etc/passwd");
  const groups = table(read("etc/group"));
  const home = row?.[5] || "/";
  if (group !== undefined && group !== "") {
    const gid = idOf(groups.find(([called]) => called === group)?.[2]) ?? idOf(group);
    if (gid === undefined) throw unknown("group", group, "etc/group");
    return { uid, gid, additionalGids: [], home };
  }
  const gid = idOf(row?.[3]) ?? 0;
  const login = row?.[0];
  const additionalGids = groups.flatMap(([, , id, members = ""]) => {
    const found = idOf(id);
    const isMember = login !== undefined && members.split(",").includes(login);
    return isMember && found !== undefined && found !== gid ? [found] : [];
  });
  return { uid, gid, additionalGids, home };
}

function table(text: string | undefined): readonly (readonly string[])[] {
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.trimEnd().split(":"));
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

function unknown(kind: "user" | "group", name: string, file: string): AnyarchError {
  return new AnyarchError("TRIAL_USER_UNKNOWN", `The image has no ${kind} "${name}" in /${file}.`, {
    hint: "Give a number with --user, as in 1000:1000.",
  });
}
