"use strict";
// Checks a receipt in this page alone: SHA-256, HMAC and Ed25519 are the browser's own (WebCrypto), the rest is below.
// It mirrors countenance/ledger/proof.py and what that rests on, step by step and as strictly: what one refuses, the
// other refuses. WORDS, the closed tables of the schema, stands before this text and comes from the same program.
(() => {
  // ---- bytes and texts

  class Refused extends Error {}
  class Unable extends Error {}

  const refuse = (says) => { throw new Refused(says); };
  const need = (holds, says) => holds || refuse(says);
  const encoder = new TextEncoder();
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // as Python has it
  const NAME = new RegExp(`^[^+\\x00-\\x1f${SPACE}]+$`, "u");
  const VKEY = new RegExp(`^([^+${SPACE}]+)\\+([0-9a-f]{8})\\+([A-Za-z0-9+/]+={0,2})$`, "u");

  const wellFormed = (text) => !/\p{Cs}/u.test(text);
  const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const same = (a, b) => a.length === b.length && a.every((byte, place) => byte === b[place]);

  function joined(...parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { whole.set(part, at); at += part.length; }
    return whole;
  }

  function binary(raw) { // one character a byte
    let text = "";
    for (let at = 0; at < raw.length; at += 8192) text += String.fromCharCode(...raw.subarray(at, at + 8192));
    return text;
  }

  function ascii(raw) {
    need(raw.every((byte) => byte < 128), "a receipt's own lines are plain ASCII");
    return binary(raw);
  }

  function decoded(raw, what) {
    try { return utf8.decode(raw); } catch { return refuse(`${what} is not UTF-8`); }
  }

  const base64 = (raw) => btoa(binary(raw));

  function strictBase64(text) {
    let raw = "";
    try { raw = atob(text); } catch { refuse("this is not base64"); }
    need(btoa(raw) === text, "this base64 is not in its canonical form");
    return Uint8Array.from(raw, (character) => character.charCodeAt(0));
  }

  function parted(raw) { // at the first empty line
    for (let at = 0; at + 1 < raw.length; at += 1) {
      if (raw[at] === 10 && raw[at + 1] === 10) return [raw.subarray(0, at), raw.subarray(at + 2)];
    }
    return null;
  }

  function after(prefix, line) {
    need(line.startsWith(prefix), `a line that starts with "${prefix.trim()}" is missing`);
    return line.slice(prefix.length);
  }

  function number(text) {
    need(/^(?:0|[1-9][0-9]{0,18})$/.test(text), "a number here is written in plain digits without leading zeros");
    return BigInt(text);
  }

  // ---- what the browser computes

  const subtle = () => {
    if (!globalThis.crypto?.subtle) {
      throw new Unable("this browser gives its checks to no page that came without TLS: open it over https, on this "
        + "machine itself, or save it and open the file");
    }
    return globalThis.crypto.subtle;
  };
  const sha256 = async (raw) => new Uint8Array(await subtle().digest("SHA-256", raw));

  async function hmac(nonce, raw) {
    const key = await subtle().importKey("raw", nonce, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return new Uint8Array(await subtle().sign("HMAC", key, raw));
  }

  async function signed(key, signature, raw) {
    let imported;
    try {
      imported = await subtle().importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    } catch (error) {
      if (error instanceof Unable) throw error;
      throw new Unable("this browser cannot check Ed25519 signatures: use a newer one, or `countenance ledger verify`");
    }
    return signature.length === 64 && subtle().verify({ name: "Ed25519" }, imported, signature, raw);
  }

  // ---- keys and signed notes (C2SP signed-note, tlog-cosignature)

  const LOG = 1, WITNESS = 4;
  const keyId = async (name, kind, key) =>
    hex((await sha256(joined(encoder.encode(`${name}\n`), Uint8Array.of(kind), key))).subarray(0, 4));

  async function parseVkey(text, kind) {
    const found = wellFormed(text) ? VKEY.exec(text) : null;
    need(found, "a key looks like name+1a2b3c4d+base64");
    const packed = strictBase64(found[3]);
    need(packed[0] === kind, kind === LOG ? "this is not the key of a log" : "this is not the key of a witness");
    const key = packed.subarray(1);
    checkName(found[1]);
    need(key.length === 32, "an Ed25519 public key has 32 bytes");
    need(await keyId(found[1], kind, key) === found[2], "the id in the key does not belong to its name and key");
    return { name: found[1], id: found[2], key, kind };
  }

  const checkName = (name) => need(NAME.test(name), "a key's name is not empty and has no spaces and no plus sign");

  function parseNote(raw) {
    need(raw.length <= WORDS.MAX_NOTE, "the signed note is too long");
    const whole = decoded(raw, "the signed note");
    const gap = whole.lastIndexOf("\n\n");
    const tail = whole.slice(gap + 2);
    need(gap >= 0 && tail.endsWith("\n"), "a signed note is a text, an empty line and signature lines");
    const text = `${whole.slice(0, gap)}\n`;
    need(!/[\x00-\x09\x0b-\x1f]/.test(text), "a note's text has no control characters but newlines");
    const lines = tail.slice(0, -1).split("\n");
    need(lines.length <= WORDS.MAX_SIGNATURES, "the signed note carries too many signatures");
    return { text, lines: lines.map(parseLine) };
  }

  function parseLine(line) {
    const parts = line.startsWith("\u2014 ") ? line.slice(2).split(" ") : [];
    need(parts.length === 2, "a signature line is a dash, a key name and base64");
    checkName(parts[0]);
    const packed = strictBase64(parts[1]);
    need(packed.length >= 5, "a signature line is too short");
    return { name: parts[0], id: hex(packed.subarray(0, 4)), signature: packed.subarray(4) };
  }

  const madeBy = (key) => (line) => line.name === key.name && line.id === key.id;

  async function openNote(note, keys) {
    let found = false;
    for (const key of keys) {
      for (const line of note.lines.filter(madeBy(key))) {
        need(await signed(key.key, line.signature, encoder.encode(note.text)),
          `the signature of ${key.name} does not fit the text`);
        found = true;
      }
    }
    need(found, "the note carries no signature of the given key");
  }

  async function cosignatures(note, witnesses) {
    const found = [];
    for (const witness of witnesses) {
      let newest = -1n;
      for (const line of note.lines.filter(madeBy(witness))) {
        need(line.signature.length === 72, `the cosignature of ${witness.name} is none`);
        const time = BigInt(`0x${hex(line.signature.subarray(0, 8))}`);
        need(time < 2n ** 63n, `the cosignature of ${witness.name} is none`);
        need(await signed(witness.key, line.signature.subarray(8),
          encoder.encode(`cosignature/v1\ntime ${time}\n${note.text}`)),
        `the cosignature of ${witness.name} does not fit the checkpoint`);
        if (time > newest) newest = time;
      }
      if (newest >= 0n) found.push({ name: witness.name, time: newest });
    }
    return found;
  }

  // ---- checkpoint and tree (C2SP tlog-checkpoint; RFC 6962, section 2.1)

  function parseCheckpoint(text) {
    const lines = text.split("\n");
    need(lines.length >= 4 && lines.pop() === "" && lines.every((line) => line),
      "a checkpoint has at least three lines, none of them empty");
    const root = strictBase64(lines[2]);
    need(root.length === 32, "the root hash of a checkpoint has 32 bytes");
    return { origin: lines[0], size: number(lines[1]), root };
  }

  const bits = (value) => (value === 0n ? 0 : value.toString(2).length);
  const ones = (value) => value.toString(2).replaceAll("0", "").length;
  const node = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

  async function verifyInclusion(entry, index, head, path) {
    need(index < head.size, "the leaf's index lies outside the tree of the checkpoint");
    const inner = bits(index ^ (head.size - 1n));
    need(path.length === inner + ones(index >> BigInt(inner)),
      "the inclusion proof has the wrong number of hashes for this index and size");
    let found = await sha256(joined(Uint8Array.of(0), entry));
    for (const [level, sibling] of path.entries()) {
      const right = level >= inner || (index >> BigInt(level)) & 1n;
      found = right ? await node(sibling, found) : await node(found, sibling);
    }
    need(same(found, head.root), "the inclusion proof does not lead from the leaf to the root of the checkpoint");
  }

  // ---- the receipt (C2SP tlog-proof)

  function parseProof(raw) {
    const found = parted(raw);
    const lines = found ? ascii(found[0]).split("\n") : [];
    need(lines.length >= 3 && lines[0] === WORDS.PROOF_HEADER,
      `a proof starts with ${WORDS.PROOF_HEADER}, extra and index lines`);
    const path = lines.slice(3).map(strictBase64);
    need(path.length <= WORDS.MAX_PATH && path.every((sibling) => sibling.length === 32),
      "the hashes of a proof are at most 64, of 32 bytes each");
    return {
      extra: strictBase64(after("extra ", lines[1])), index: number(after("index ", lines[2])), path,
      checkpoint: found[1],
    };
  }

  function parseReceipt(raw) {
    need(raw.length <= WORDS.MAX_RECEIPT, "the receipt is too long");
    const found = parted(raw);
    const lines = found ? ascii(found[0]).split("\n") : [];
    need(lines[0] === WORDS.RECEIPT_HEADER && (lines.length === 1 || lines.length === 3),
      `a receipt starts with ${WORDS.RECEIPT_HEADER}`);
    const proof = parseProof(found[1]);
    if (lines.length === 1) return { proof };
    const nonce = strictBase64(after("nonce ", lines[1]));
    need(nonce.length === WORDS.NONCE_SIZE, "a receipt's nonce has 32 bytes");
    return { proof, nonce, closed: strictBase64(after("closed ", lines[2])) };
  }

  function fromLine(line) {
    need(line.length <= WORDS.MAX_LINE, "the receipt is too long");
    need(/^[A-Za-z0-9_-]+$/.test(line), "a receipt on one line is base64url without padding");
    const plain = line.replaceAll("-", "+").replaceAll("_", "/");
    return parseReceipt(strictBase64(plain + "=".repeat((4 - (plain.length % 4)) % 4)));
  }

  function readReceipt(raw) {
    const begins = (text) => same(raw.subarray(0, text.length), encoder.encode(text));
    if (begins(`${WORDS.PROOF_HEADER}\n`)) return { proof: parseProof(raw) };
    if (begins(WORDS.RECEIPT_HEADER)) return parseReceipt(raw);
    return fromLine(ascii(raw.at(-1) === 10 ? raw.subarray(0, -1) : raw));
  }

  // ---- the leaf (docs/ledger.md, "The leaf")

  function written(value) {
    if (typeof value === "boolean") return String(value);
    if (typeof value === "number") {
      need(Number.isSafeInteger(value) && !Object.is(value, -0), "canonical JSON here has whole numbers only");
      return String(value);
    }
    if (typeof value === "string") {
      need(wellFormed(value), "the text cannot be written as UTF-8");
      return JSON.stringify(value);
    }
    need(value !== null && typeof value === "object", "canonical JSON here has no null");
    if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
    return `{${Object.keys(value).sort().map((key) => `${written(key)}:${written(value[key])}`).join(",")}}`;
  }

  function parseCanonical(raw) {
    const text = decoded(raw, "this JSON");
    let value = null;
    try { value = JSON.parse(text); } catch { refuse("this is not JSON"); }
    need(isObject(value), "this is not a JSON object");
    need(written(value) === text, "this JSON is not in its canonical form");
    return value;
  }

  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const isText = (value) => typeof value === "string";
  const textOf = (pattern, empty = false) => (value) =>
    isText(value) && [...value].length <= 100 && (pattern.test(value) || (empty && value === ""));
  const placeOf = (pattern, empty = false) => (value) => textOf(pattern, empty)(value) || value === WORDS.UNRECOGNISED;
  const setOf = (fits) => (value) => Array.isArray(value)
    && value.every((one, place) => isText(one) && fits(one) && (place === 0 || value[place - 1] < one));
  const oneOf = (known) => (value) => isText(value) && known.includes(value);
  const isHash = (value) => isText(value) && strictBase64(value).length === 32;

  const REASON = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/, DIGEST = /^sha256:[0-9a-f]{64}$/;
  const word = textOf(/^[a-z0-9]+(?:-[a-z0-9]+)*$/), words = setOf(word);
  const reason = textOf(REASON), value = textOf(REASON, true);
  const fact = textOf(/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/);
  const digest = textOf(DIGEST), digestOrNone = textOf(DIGEST, true);
  const COUNTRY = /^[A-Z]{2}$/, REGION = /^[A-Z]{2}-[A-Z0-9]{1,3}$/;
  const LOCALITY = /^(?!\p{Nd})[\p{L}\p{N}](?:(?!\p{Nd})[\p{L}\p{N}]|[ .',-]){0,79}$/u;
  const verdict = oneOf(["allow", "deny"]);

  function isTime(form, text) {
    if (!isText(text) || !form.test(text) || text.startsWith("0000")) return false;
    const moment = new Date(text);
    return !Number.isNaN(moment.getTime()) && moment.toISOString() === text.replace("Z", ".000Z");
  }
  const isHour = (text) => isTime(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z$/, text);
  const isSecond = (text) => isTime(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/, text);

  async function isVkey(text) {
    if (!isText(text) || [...text].length > WORDS.MAX_VKEY) return false;
    await parseVkey(text, LOG);
    return true;
  }

  const ASK = {
    "action": word, "sector": word, "acts-for": words, "requested-by": words, "country": placeOf(COUNTRY),
    "region": placeOf(REGION, true), "locality": placeOf(LOCALITY, true), "seat-country": placeOf(COUNTRY, true),
    "seat-region": placeOf(REGION, true), "purpose": word, "mode": word, "place": word, "camera": word, "probe": word,
    "capture": word, "minors": word, "legal-effect": word,
  };
  const FIELDS = {
    "v": (found) => found === WORDS.VERSION, "kind": word, "time": isHour, "policy": digest, "laws": digestOrNone,
    "model": digestOrNone, "wheel": digestOrNone, "commitment": isHash,
    "ask": (found) => isObject(found) && sameKeys(found, Object.keys(ASK))
      && Object.keys(ASK).every((key) => ASK[key](found[key])),
    "context": (found) => isObject(found) && Object.entries(found).every(([key, one]) => fact(key)
      && (typeof one === "boolean" || typeof one === "number" || value(one))),
    "verdict": verdict,
    "reasons": (found) => Array.isArray(found) && found.every(reason) && new Set(found).size === found.length,
    "outside-policy": textOf(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, true), "sector": word, "country": placeOf(COUNTRY),
    "purposes": words, "modes": words, "places": words, "purpose": word, "basis": word,
    "of": oneOf(["grant", "key", "account", "verification"]), "act": oneOf(WORDS.ACTS), "by": oneOf(WORDS.BY),
    "roles": setOf(oneOf(WORDS.ROLES)),
    "undoes": (found) => Array.isArray(found) && found.length <= WORDS.MAX_UNDONE && setOf(isHash)(found),
    "step": word, "backup": textOf(/^bak_[0-9a-f]{32}$/), "until": isHour, "filed": oneOf(WORDS.FILINGS),
    "document": digest, "vkey": isVkey, "day": (found) => isText(found) && isHour(`${found}T00:00:00Z`),
    "because": setOf(reason), "becomes": setOf(verdict), "sectors": words, "countries": setOf(placeOf(COUNTRY)),
    "change": digest, "before": digestOrNone, "after": digest, "loosens": (found) => typeof found === "boolean",
    "record": digest,
    "notice": (found) => typeof found === "number" && found >= 0 && found <= WORDS.MOST_NOTICE,
    "keys": setOf(digest), "outside": setOf(digest),
  };

  function sameKeys(found, wanted) {
    const keys = Object.keys(found);
    return keys.length === wanted.length && keys.every((key) => wanted.includes(key));
  }

  async function parseLeaf(raw) {
    need(raw.length <= WORDS.MAX_LEAF, "a leaf has at most 16 KiB");
    const leaf = parseCanonical(raw);
    need(leaf.v === WORDS.VERSION, "the leaf is not of version 1 of its schema; a newer verifier may read it");
    need(isText(leaf.kind) && Object.hasOwn(WORDS.KINDS, leaf.kind), "the leaf is of no known kind");
    need(sameKeys(leaf, [...WORDS.ALWAYS, ...WORDS.KINDS[leaf.kind]]),
      `a leaf of kind ${leaf.kind} has other keys than its schema`);
    need(!("step" in leaf) || WORDS.STEPS[leaf.kind].includes(leaf.step), "the leaf's step does not fit its schema");
    for (const key of Object.keys(leaf)) need(await FIELDS[key](leaf[key]), `the leaf's ${key} does not fit its schema`);
    return leaf;
  }

  async function openClosed(receipt, leaf) {
    if (!receipt.nonce) return null;
    need(same(await hmac(receipt.nonce, receipt.closed), strictBase64(leaf.commitment)),
      "the closed part is not the one that the leaf committed to");
    need(receipt.closed.length <= WORDS.MAX_CLOSED, "a closed part has at most 16 KiB");
    const closed = parseCanonical(receipt.closed);
    need(sameKeys(closed, WORDS.CLOSED) && Object.values(closed).every(isText),
      "a closed part has other keys than its schema");
    need(isSecond(closed.time), "a closed part's time is in UTC with seconds");
    return closed;
  }

  // ---- all of it

  async function check(raw, keyTexts, witnessTexts) {
    const keys = [], witnesses = [];
    for (const text of keyTexts) keys.push(await parseVkey(text, LOG));
    for (const text of witnessTexts) witnesses.push(await parseVkey(text, WITNESS));
    need(keys.length > 0, "the log's public key is missing: without it nothing can be checked");
    const receipt = readReceipt(raw);
    const note = parseNote(receipt.proof.checkpoint);
    await openNote(note, keys); // 1. the log signed the checkpoint
    const head = parseCheckpoint(note.text);
    need(keys.some((key) => key.name === head.origin), "the checkpoint is of another log than its key");
    await verifyInclusion(receipt.proof.extra, receipt.proof.index, head, receipt.proof.path); // 2. the leaf is in it
    const leaf = await parseLeaf(receipt.proof.extra); // 3. it is one of ours
    const closed = await openClosed(receipt, leaf); // 4. the closed part is the one it committed to
    return { leaf, closed, head, index: receipt.proof.index, by: await cosignatures(note, witnesses) }; // 5. witnesses
  }

  // ---- the page

  const at = (id) => document.getElementById(id);
  const [receiptAt, fileAt, keysAt, witnessesAt, result] = ["receipt", "file", "keys", "witnesses", "result"].map(at);
  let dropped = null;
  let round = 0;

  function show(state, title, sentences, rows = []) {
    const made = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
    const parts = [made("h2", title), ...sentences.map((text) => made("p", text))];
    if (rows.length) {
      const table = document.createElement("table");
      table.append(made("caption", "What it says"));
      for (const [key, text] of rows) {
        const row = document.createElement("tr");
        row.append(Object.assign(made("th", key), { scope: "row" }), made("td", text));
        table.append(row);
      }
      parts.push(table);
    }
    result.replaceChildren(...parts);
    result.dataset.state = state;
    result.scrollIntoView({ block: "nearest" });
  }

  function flat(found, before = "") {
    return Object.entries(found).flatMap(([key, one]) => (isObject(one) ? flat(one, `${before}${key}: `)
      : [[before + key, isText(one) ? one : JSON.stringify(one)]]));
  }

  function holds(found) {
    const by = found.by.map((one) => `${one.name} (at second ${one.time} since 1970)`).join(", ");
    show("holds", "It holds", [
      `Leaf ${found.index} is in the log ${found.head.origin}, under a checkpoint of ${found.head.size} leaves that the `
        + "log's key signed.",
      by ? `Witnessed: cosigned by ${by}.`
        : "unwitnessed: no cosignature of a witness that you named is on this checkpoint, so the log could show others "
          + "another history.",
      found.closed ? "The closed part is the one that the leaf committed to." : "It has no closed part.",
    ], [...flat(found.leaf), ...flat(found.closed ?? {}, "closed part: ")]);
  }

  const linesOf = (area) => area.value.split("\n").map((line) => line.trim()).filter((line) => line);

  async function run() {
    const mine = ++round;
    show("checking", "Checking", []);
    const raw = dropped ?? encoder.encode(receiptAt.value);
    try {
      need(dropped || wellFormed(receiptAt.value), "the receipt has half a character");
      const found = await check(raw, linesOf(keysAt), linesOf(witnessesAt));
      if (mine === round) holds(found);
    } catch (error) {
      if (mine !== round) return;
      if (error instanceof Unable) show("unable", "It could not be checked here", [`${error.message}.`]);
      else show("refused", "It does not hold", [error instanceof Refused ? `${error.message}.` : "It cannot be read."]);
    }
  }

  async function take(file) {
    if (!file) return;
    if (file.size > WORDS.MAX_LINE) {
      show("refused", "It does not hold", ["The receipt is too long."]);
      return;
    }
    dropped = new Uint8Array(await file.arrayBuffer());
    receiptAt.value = "";
    at("from").textContent = `From the file ${file.name}, ${dropped.length} bytes.`;
    await run();
  }

  receiptAt.addEventListener("input", () => { dropped = null; fileAt.value = ""; at("from").textContent = ""; });
  fileAt.addEventListener("change", () => take(fileAt.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); });
  at("check").addEventListener("click", run);
})();
