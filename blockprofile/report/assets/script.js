"use strict";
(() => {
  const tip = document.getElementById("tip");
  let current = null;
  const show = (element) => {
    if (current) current.classList.remove("on");
    current = element;
    tip.hidden = !element;
    if (!element) return;
    element.classList.add("on");
    tip.textContent = element.dataset.tip;
    place();
  };
  const place = () => {
    if (!current) return;
    const box = current.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(4, box.left + box.width / 2 + 10), innerWidth - own.width - 4);
    const above = box.top - own.height - 8;
    tip.style.left = left + "px";
    tip.style.top = (above > 4 ? above : box.bottom + 8) + "px";
  };
  const tipOf = (event) => event.target.closest ? event.target.closest("[data-tip]") : null;
  document.addEventListener("pointerover", (event) => show(tipOf(event)));
  document.addEventListener("click", (event) => show(tipOf(event)));
  document.addEventListener("scroll", place, { passive: true, capture: true });

  const neighbour = (all, from, key) => {
    const at = all.indexOf(from), cell = from && from.closest("td");
    if (at < 0) return all[0];
    if (key === "ArrowRight") return all[at + 1] || from;
    if (key === "ArrowLeft") return all[at - 1] || from;
    if (!cell) return all[at + (key === "ArrowDown" ? 1 : -1)] || from;
    const row = cell.parentElement[key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling"];
    const found = row && row.cells[cell.cellIndex];
    return found && found.dataset.tip ? found : from;
  };
  for (const group of document.querySelectorAll("[data-walk]")) {
    group.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { show(null); return; }
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const all = [...group.querySelectorAll("[data-tip]")];
      const inside = current && group.contains(current) ? current : null;
      const next = neighbour(all, inside, event.key);
      if (next) show(next);
    });
    group.addEventListener("blur", () => show(null));
  }

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sorts")) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (up ? 1 : -1) * compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...rows);
    }));
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
