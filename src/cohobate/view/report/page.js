"use strict";
const PAGE = 50;

/** Returns what a cell holds: a number, text, or null. */
function cellOf(column, row) {
  const cell = column.cells[row];
  return column.words ? column.words[cell] : cell;
}

/** Returns rows in the order of a column, numbers before words, what is missing last in either direction. */
function ordered(rows, column, down) {
  const rank = (cell) => (cell === null ? 2 : typeof cell === "number" ? 0 : 1);
  const keyed = rows.map((row) => ({ row, cell: cellOf(column, row) }));
  keyed.sort((a, b) => {
    const kinds = rank(a.cell) - rank(b.cell);
    if (kinds || a.cell === null) return kinds || a.row - b.row;
    const way = a.cell < b.cell ? -1 : a.cell > b.cell ? 1 : 0;
    return (down ? -way : way) || a.row - b.row;
  });
  return keyed.map((one) => one.row);
}

/** Returns the tests that a filter asks for: each takes a row. Words must all occur, conditions must all hold. */
function testsOf(text, columns, textOf) {
  const tests = [];
  const names = columns.map((column) => column.name.toLowerCase());
  const rest = text.toLowerCase().replace(/([^\s<>=]+)\s*(<=|>=|=|<|>)\s*([^\s<>=]\S*)/g, (whole, name, sign, limit) => {
    const column = columns[names.indexOf(name)];
    if (!column) return whole;
    tests.push(comparing(column, sign, limit));
    return " ";
  });
  for (const word of rest.split(/\s+/).filter(Boolean)) tests.push((row) => textOf(row).includes(word));
  return tests;
}

function comparing(column, sign, limit) {
  const bound = Number(limit);
  return (row) => {
    const cell = cellOf(column, row);
    if (sign === "=") return String(cell).toLowerCase() === limit || cell === bound;
    if (typeof cell !== "number") return false;
    return sign === "<" ? cell < bound : sign === ">" ? cell > bound : sign === "<=" ? cell <= bound : cell >= bound;
  };
}

/** Returns a number with six digits, thousands apart where it is long and whole. */
function spelled(cell) {
  if (!Number.isInteger(cell)) return String(Number(cell.toPrecision(6)));
  return Math.abs(cell) < 1e5 ? String(cell) : cell.toLocaleString("en");
}

function momentOf(seconds) {
  const at = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function shownIn(column, row, begin) {
  const cell = cellOf(column, row);
  if (cell === null) return "";
  if (column.kind === "time") return momentOf(begin + cell);
  return typeof cell === "number" && column.name !== "id" ? spelled(cell) : String(cell);
}

function start(document) {
  const find = (id) => document.getElementById(id);
  const body = find("rows");
  if (!body) return;
  const { begin, held, trials, columns } = JSON.parse(find("data").textContent);
  const state = { by: null, down: false, page: 0, rows: [] };
  const texts = new Map();
  const all = Array.from({ length: held }, (_, row) => row);
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, columns.map((column) => shownIn(column, row, begin)).join("\n").toLowerCase());
    return texts.get(row);
  };
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== "") element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const status = columns.find((column) => column.name === "status");
  const classOf = (column, cell) => {
    if (column === status) return cell === "done" ? "ok" : /^(proposed|running|waiting|cancelled|rejected)$/.test(cell) ? "" : "no";
    return column.kind === "number" ? "n" : "";
  };

  const heads = columns.map((column, at) => {
    const head = make("th", "", { scope: "col", "aria-sort": "none" });
    const button = make("button", column.name, { type: "button" });
    if (column.unit) button.append(make("small", ` ${column.unit}`));
    if (column.kind === "number") head.className = "n";
    button.addEventListener("click", () => {
      state.down = state.by === at ? !state.down : column.kind === "number" && column.name !== "id";
      state.by = at;
      choose();
    });
    head.append(button);
    find("heads").append(head);
    return head;
  });

  function choose() {
    const tests = testsOf(find("filter").value, columns, textOf);
    const wanted = find("status").value;
    if (status && wanted) tests.push((row) => cellOf(status, row) === wanted);
    const rows = all.filter((row) => tests.every((test) => test(row)));
    state.rows = state.by === null ? rows : ordered(rows, columns[state.by], state.down);
    state.page = 0;
    heads.forEach((head, at) =>
      head.setAttribute("aria-sort", at !== state.by ? "none" : state.down ? "descending" : "ascending"));
    const part = held < trials ? ` (the first ${held.toLocaleString("en")}; cohobate export writes them all)` : "";
    find("count").textContent = `${rows.length.toLocaleString("en")} of ${trials.toLocaleString("en")} trials${part}`;
    show();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
    const first = state.page * PAGE;
    body.replaceChildren(...state.rows.slice(first, first + PAGE).map((row) => {
      const line = make("tr", "");
      line.append(...columns.map((column, at) => {
        const text = shownIn(column, row, begin);
        const cell = make(at ? "td" : "th", text, at ? (text.length > 30 ? { title: text } : {}) : { scope: "row" });
        cell.className = classOf(column, cellOf(column, row));
        return cell;
      }));
      return line;
    }));
    find("place").textContent = `page ${state.page + 1} of ${pages}`;
    find("previous").disabled = state.page === 0;
    find("next").disabled = state.page >= pages - 1;
  }

  const kinds = status ? [...new Set(all.map((row) => cellOf(status, row)))].sort() : [];
  for (const kind of kinds) find("status").append(make("option", kind.replace("_", " "), { value: kind }));
  let waiting = 0;
  find("filter").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(choose, 120);
  });
  find("status").addEventListener("change", choose);
  find("previous").addEventListener("click", () => { state.page -= 1; show(); });
  find("next").addEventListener("click", () => { state.page += 1; show(); });
  choose();
}

if (typeof document !== "undefined") start(document);
