// Pieces of a page, and of the objects that draw it.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    name.startsWith("aria") || name === "role" ? made.setAttribute(name, value) : (made[name] = value);
  }
  made.append(...children);
  return made;
}

export function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const styles = new Set(); // those on the page

export function addStyleOnce(style) {
  if (styles.has(style)) return;
  styles.add(style);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets.push(sheet);
}

// Lets `extra` run after a method that an object may already have.
export function chain(object, name, extra) {
  const before = object[name];
  object[name] = function (...given) {
    const result = before?.apply(this, given);
    extra.apply(this, given);
    return result;
  };
}
