import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../engines/process.ts";

export interface WheelMember {
  readonly name: string;
  readonly text: string;
  /** Makes a symbolic link to `text`. */
  readonly link?: boolean;
}

export interface WheelRecipe {
  readonly name: string;
  readonly version?: string;
  /** Beside `<name>/__init__.py` and the metadata. */
  readonly members?: readonly WheelMember[];
  /** Bytes of noise in `<name>/noise.bin`, so that it takes a while to send and to pack. */
  readonly noise?: number;
}

export interface MadeWheel {
  readonly filename: string;
  readonly project: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Python's own zipfile writes them, with whatever names it is told. */
const script = String.raw`
import base64, hashlib, json, random, sys, zipfile
directory, recipes = sys.argv[1], json.load(sys.stdin)
for recipe in recipes:
    name, version = recipe["name"], recipe.get("version", "1.0")
    info = f"{name}-{version}.dist-info"
    noise = random.Random(name).randbytes(recipe.get("noise", 0))
    members = [(f"{name}/__init__.py", f"version = {version!r}\n".encode(), False)]
    if noise:
        members.append((f"{name}/noise.bin", noise, False))
    for member in recipe.get("members", []):
        members.append((member["name"], member["text"].encode(), member.get("link", False)))
    members.append((f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(), False))
    members.append((f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n", False))
    record = ""
    for path, data, _ in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    members.append((f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), False))
    with zipfile.ZipFile(f"{directory}/{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data, link in members:
            entry = zipfile.ZipInfo(path)
            entry.create_system = 3
            entry.external_attr = (0o120777 if link else 0o100644) << 16
            wheel.writestr(entry, data)
print(json.dumps([hashlib.sha256(open(f"{directory}/{r['name']}-{r.get('version', '1.0')}-py3-none-any.whl", "rb").read()).hexdigest() for r in recipes]))
`;

/** Makes wheels in `directory` with python3's zipfile. */
export async function makeWheels(directory: string, recipes: readonly WheelRecipe[]): Promise<MadeWheel[]> {
  const { stdout } = await run("python3", ["-c", script, directory], { input: JSON.stringify(recipes) });
  const digests = JSON.parse(stdout) as readonly string[];
  return recipes.map(({ name, version = "1.0" }, index) => {
    const filename = `${name}-${version}-py3-none-any.whl`;
    const bytes = readFileSync(join(directory, filename));
    return { filename, project: name, bytes, sha256: digests[index] ?? "" };
  });
}

/** Lines of a requirement file that pins wheels by hash: a lock. */
export function pinned(wheels: readonly MadeWheel[]): string {
  return wheels
    .map(({ project, filename, sha256 }) => `${project}==${filename.split("-")[1]} --hash=sha256:${sha256}\n`)
    .join("");
}
