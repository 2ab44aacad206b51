"use strict";
const table = document.getElementById("today");
const heads = [...table.tHead.rows[0].cells];
const order = new Intl.Collator("en", { numeric: true });

function compare(one, other) {
  const numbers = [Number(one), Number(other)];
  return numbers.some(Number.isNaN) ? order.compare(one, other) : numbers[0] - numbers[1];
}

function sort(column, direction) {
  const keyed = [...table.tBodies[0].rows].map(row => ({ row, key: row.cells[column].dataset.key }));
  const known = keyed.filter(each => each.key !== "").sort((a, b) => direction * compare(a.key, b.key));
  const unknown = keyed.filter(each => each.key === "");
  table.tBodies[0].append(...[...known, ...unknown].map(each => each.row));
}

heads.forEach((head, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const each of heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    sort(column, rising ? 1 : -1);
  });
});
