// Light and dark switch, sortable tables.
"use strict";
(() => {
  const root = document.documentElement;
  const button = document.querySelector(".scheme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.scheme || (system.matches ? "dark" : "light")) === "dark";

  function show() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    window.dispatchEvent(new Event("schemechange"));
  }
  button.addEventListener("click", () => {
    root.dataset.scheme = isDark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();

  // A cell sorts by its data-v, a number, or else by its text; cells without a value go last either way.
  function value(row, column) {
    const cell = row.cells[column];
    if (!("v" in cell.dataset)) return cell.textContent.trim();
    return cell.dataset.v === "" ? null : Number(cell.dataset.v);
  }
  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  }
  function sort(table, column, sign) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row, place) => ({ row, place, v: value(row, column) }));
    rows.sort((a, b) => {
      if (a.v === null || b.v === null) return (a.v === null) - (b.v === null) || a.place - b.place;
      return sign * compare(a.v, b.v) || a.place - b.place;
    });
    body.append(...rows.map((r) => r.row));
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        sort(table, column, sign);
      });
    });
  }
})();
