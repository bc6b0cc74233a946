import type { Profiler, Runtime } from "node:inspector";
import { gzipSync } from "node:zlib";
import { Function as CalledFunction, Line, Location, Profile, Sample, StringTable, ValueType } from "pprof-format";

/** Name and unit of each value of a sample. */
type Values = readonly (readonly [type: string, unit: string])[];

interface HeapNode {
  readonly id: number;
  readonly callFrame: Runtime.CallFrame;
  /** Of what was allocated here and is alive, scaled up from the samples. */
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** `HeapProfiler.SamplingHeapProfile` of the protocol, whose declarations for Node 20 leave out half of it. */
export interface SampledHeap {
  readonly head: HeapNode;
  readonly samples: readonly { readonly nodeId: number; readonly size: number }[];
}

/** What V8 spends on nothing: Go's profiles hold time of the processor only. */
const IDLE = "(idle)";
const NS_PER_US = 1_000;

/** V8's profile of the processor, as `go tool pprof` reads it: gzipped protobuf, https://github.com/google/pprof/tree/main/proto. */
export function cpuProfile(profile: Profiler.Profile, { atMs }: { readonly atMs: number }): Buffer {
  const build = new ProfileBuilder([
    ["samples", "count"],
    ["cpu", "nanoseconds"],
  ]);
  const spent = new Map<number, { count: number; us: number }>();
  profile.samples?.forEach((id, i) => {
    const of = spent.get(id) ?? { count: 0, us: 0 };
    spent.set(id, { count: of.count + 1, us: of.us + Math.max(0, profile.timeDeltas?.[i] ?? 0) });
  });
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const [id, { count, us }] of spent) {
    if (nodes.get(id)?.callFrame.functionName === IDLE) continue;
    const stack: Runtime.CallFrame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = nodes.get(at)?.callFrame;
      if (frame !== undefined && frame.functionName !== "(root)") stack.push(frame);
    }
    build.add(stack, [count, Math.round(us * NS_PER_US)]);
  }
  const durationUs = profile.endTime - profile.startTime;
  return build.finish({ atMs, durationNs: durationUs * NS_PER_US, period: ["cpu", "nanoseconds", 1e6] });
}

/** What is allocated and alive, by where it was allocated; sampled, since watching began. */
export function heapProfile(
  { head, samples }: SampledHeap,
  { atMs, intervalBytes }: { readonly atMs: number; readonly intervalBytes: number },
): Buffer {
  const build = new ProfileBuilder([
    ["inuse_objects", "count"],
    ["inuse_space", "bytes"],
  ]);
  const counts = new Map<number, number>();
  for (const { nodeId } of samples) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  const visit = (node: HeapNode, above: readonly Runtime.CallFrame[]): void => {
    const stack = node === head ? above : [node.callFrame, ...above];
    if (node.selfSize > 0) build.add(stack, [counts.get(node.id) ?? 0, node.selfSize]);
    for (const child of node.children) visit(child, stack);
  };
  visit(head, []);
  return build.finish({ atMs, durationNs: 0, period: ["space", "bytes", intervalBytes] });
}

/** What keeps the event loop going, by kind: the nearest thing to goroutines. */
export function activityProfile(kinds: readonly string[], { atMs }: { readonly atMs: number }): Buffer {
  const build = new ProfileBuilder([["goroutine", "count"]]);
  for (const [functionName, count] of countEach(kinds)) {
    const frame = { functionName, scriptId: "0", url: "", lineNumber: 0, columnNumber: 0 };
    build.add([frame], [count]);
  }
  return build.finish({ atMs, durationNs: 0, period: ["goroutine", "count", 1] });
}

export function countEach(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

class ProfileBuilder {
  readonly #strings = new StringTable();
  readonly #sampleType: ValueType[];
  readonly #sample: Sample[] = [];
  readonly #locations = new Map<string, Location>();
  readonly #functions = new Map<string, CalledFunction>();

  constructor(values: Values) {
    this.#sampleType = values.map(([type, unit]) => this.#type(type, unit));
  }

  /** `stack`: the innermost call first. */
  add(stack: readonly Runtime.CallFrame[], value: readonly number[]): void {
    this.#sample.push(new Sample({ locationId: stack.map((frame) => this.#location(frame)), value: [...value] }));
  }

  finish(of: {
    readonly atMs: number;
    readonly durationNs: number;
    readonly period: readonly [type: string, unit: string, value: number];
  }): Buffer {
    const [type, unit, period] = of.period;
    const profile = new Profile({
      sampleType: this.#sampleType,
      sample: this.#sample,
      location: [...this.#locations.values()],
      function: [...this.#functions.values()],
      timeNanos: BigInt(Math.floor(of.atMs)) * 1_000_000n,
      durationNanos: BigInt(Math.round(of.durationNs)),
      periodType: this.#type(type, unit),
      period,
      stringTable: this.#strings,
    });
    return gzipSync(profile.encode());
  }

  #type(type: string, unit: string): ValueType {
    return new ValueType({ type: this.#strings.dedup(type), unit: this.#strings.dedup(unit) });
  }

  #location({ functionName, url, lineNumber }: Runtime.CallFrame): number {
    const line = lineNumber + 1; // V8 counts from 0
    const name = functionName || "(anonymous)";
    const key = `${name} ${url}:${line}`;
    let called = this.#functions.get(key);
    if (called === undefined) {
      const [text, filename] = [this.#strings.dedup(name), this.#strings.dedup(url)];
      const id = this.#functions.size + 1;
      called = new CalledFunction({ id, name: text, systemName: text, filename, startLine: line });
      this.#functions.set(key, called);
      this.#locations.set(key, new Location({ id, line: [new Line({ functionId: id, line })] }));
    }
    return Number(called.id);
  }
}
