// What lies upstream of a node (its seeds above all), and where the value of a widget really comes from.
//
// A seed that changes with every run makes everything after it run again, so the Frame Selector looks for such seeds.
// The walk goes from inputs to origins through links, reroutes, bypassed nodes and both sides of subgraph boundaries.
// A "place" is a graph with the subgraph nodes that lead to it: { graph, hosts }; the main graph has no hosts.

const MUTED = 2;
const BYPASSED = 4;
const SUBGRAPH_INPUT = "-10"; // litegraph's id for the origin of links that enter a subgraph
const CONTROL = "control_after_generate";

// All the places that hold this graph: one for the main graph, one for each use of a subgraph.
export function placesOf(graph) {
  const root = graph.rootGraph ?? graph;
  const found = [];
  const walk = (place) => {
    if (place.graph === graph) found.push(place);
    for (const node of place.graph.nodes ?? []) {
      if (node.subgraph && !place.hosts.includes(node)) walk(inside(place, node));
    }
  };
  walk({ graph: root, hosts: [] });
  return found;
}

// The id under which a node at a place runs: "5", or "7:5" inside the subgraph node 7.
export function executionId(place, node) {
  return [...place.hosts, node].map((each) => each.id).join(":");
}

// The widget that holds the value of the node's widget `name`: its own, or the one that a subgraph node shows for it.
// Returns { node, widget }, or null if the value comes through a link.
export function holderOf(place, node, name) {
  const widget = node.widgets?.find((each) => each.name === name);
  let input = node.inputs?.find((each) => each.widget?.name === name);
  let holder = widget ? { node, widget } : null;
  while (input && input.link != null) {
    const link = linkOf(place.graph, input.link);
    if (!link) break;
    if (!entersSubgraph(link) || !place.hosts.length) return null;
    const host = place.hosts.at(-1);
    input = hostInput(place, link);
    place = outside(place);
    const shown = input?._widget ?? host.widgets?.find((each) => each.name === (input?.widget?.name ?? input?.name));
    if (shown) holder = { node: host, widget: shown };
  }
  return holder;
}

// All seeds that run before the node: [{ title, control, holder, changes, readers }], each control widget once.
//   control   the widget that says whether the seed changes ("fixed", "randomize", ...)
//   holder    { node, widget } with the seed's value
//   changes   whether the next run will find another value; not said of a seed that a subgraph node shows outside,
//             because frontends differ in whether they change that
//   readers   [{ id, input }]: where an executed prompt has the value
export function upstreamSeeds(node) {
  const seeds = new Map();
  const seen = new Set();
  const visit = (place, each, reader) => {
    const id = executionId(place, each);
    if (each.mode === MUTED) return;
    if (each.mode !== BYPASSED) collect(place, each, id, reader);
    if (seen.has(id)) return;
    seen.add(id);
    for (const input of each.inputs ?? []) {
      const link = input.link == null ? null : linkOf(place.graph, input.link);
      for (const origin of originsOf(place, link)) {
        visit(origin.place, origin.node, { id, input: input.widget?.name ?? input.name });
      }
    }
  };
  const collect = (place, each, id, reader) => {
    for (const control of each.widgets?.filter((widget) => widget.name === CONTROL) ?? []) {
      const seed = controlledBy(each, control);
      const holder = seed && holderOf(place, each, seed.name);
      if (!holder) continue; // the seed comes through a link, whose origin is visited as well
      const changes = control.value !== "fixed" && holder.node === each;
      const found = seeds.get(control) ?? { title: titleOf(place, each), control, holder, changes, readers: [] };
      // A Primitive node does not run itself: its value is found in the node that it feeds.
      found.readers.push(each.isVirtualNode && reader ? reader : { id, input: seed.name });
      seeds.set(control, found);
    }
  };
  for (const place of placesOf(node.graph)) visit(place, node, null);
  return [...seeds.values()];
}

// The nodes that feed the node's input `name`, reroutes and subgraphs looked through.
export function feedersOf(node, name) {
  const feeders = (place, input) => {
    const link = input?.link == null ? null : linkOf(place.graph, input.link);
    return originsOf(place, link).flatMap((origin) =>
      origin.node.type === "Reroute" ? feeders(origin.place, origin.node.inputs?.[0]) : [origin.node],
    );
  };
  return placesOf(node.graph).flatMap((place) => feeders(place, node.inputs?.find((each) => each.name === name)));
}

// All nodes that run before a node at a place: [{ place, node }], each once.
export function upstreamNodes(place, node) {
  const found = new Map();
  const visit = (at) => {
    for (const input of at.node.inputs ?? []) {
      const link = input.link == null ? null : linkOf(at.place.graph, input.link);
      for (const origin of originsOf(at.place, link)) {
        const id = executionId(origin.place, origin.node);
        if (found.has(id) || origin.node.mode === MUTED) continue;
        found.set(id, origin);
        visit(origin);
      }
    }
  };
  visit({ place, node });
  return [...found.values()].filter((each) => each.node.mode !== BYPASSED);
}

// The node that runs under this id, and where it is; null if the graph has none.
export function findExecuted(root, id) {
  let place = { graph: root, hosts: [] };
  const [own, ...outer] = String(id).split(":").reverse();
  for (const each of outer.reverse()) {
    const host = nodeById(place.graph, each);
    if (!host?.subgraph) return null;
    place = inside(place, host);
  }
  const node = nodeById(place.graph, own);
  return node ? { place, node } : null;
}

function nodeById(graph, id) {
  return graph.nodes?.find((node) => String(node.id) === id);
}

function controlledBy(node, control) {
  const owner = node.widgets.find((widget) => widget.linkedWidgets?.includes(control));
  return owner ?? node.widgets[node.widgets.indexOf(control) - 1];
}

function titleOf(place, node) {
  return node.title || node.type || executionId(place, node);
}

// The nodes a link comes from. Subgraph nodes are looked into, so these are nodes that run (or Primitives and such).
function originsOf(place, link) {
  if (!link) return [];
  if (entersSubgraph(link)) {
    const input = place.hosts.length ? hostInput(place, link) : null;
    return input?.link == null ? [] : originsOf(outside(place), linkOf(outside(place).graph, input.link));
  }
  const node = place.graph.getNodeById(link.origin_id);
  if (!node) return [];
  if (!node.subgraph) return [{ place, node }];
  if (node.mode === MUTED || node.mode === BYPASSED) return [];
  const output = node.subgraph.outputs?.[link.origin_slot];
  const within = inside(place, node);
  return (output?.linkIds ?? []).flatMap((id) => originsOf(within, linkOf(node.subgraph, id)));
}

function hostInput(place, link) {
  const host = place.hosts.at(-1);
  const slot = place.graph.inputs?.[link.origin_slot];
  return host.inputs.find((input) => slot && input._subgraphSlot === slot) ?? host.inputs[link.origin_slot];
}

export function inside(place, host) {
  return { graph: host.subgraph, hosts: [...place.hosts, host] };
}

function outside(place) {
  return { graph: place.hosts.at(-1).graph, hosts: place.hosts.slice(0, -1) };
}

function entersSubgraph(link) {
  return String(link.origin_id) === SUBGRAPH_INPUT; // a number in old frontends, a string in new ones
}

function linkOf(graph, id) {
  return graph.getLink?.(id) ?? graph.links?.[id] ?? null;
}
