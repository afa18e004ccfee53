"use strict";
window.addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });

const checks = [...document.querySelectorAll("tbody.check")];
const table = document.getElementById("summary");
const filter = document.getElementById("filter");
const failing = document.getElementById("failing");
const unfold = document.getElementById("unfold");

// without script every group stays open; with it they start folded
function fold(check, open) {
  const button = check.querySelector(".fold");
  if (!button) return;
  button.setAttribute("aria-expanded", String(open));
  check.querySelector("tr.groups").hidden = !open;
}

function show() {
  const wanted = filter.value.trim().toLowerCase();
  for (const check of checks) {
    check.hidden = !check.dataset.name.includes(wanted) || (failing.checked && check.dataset.fails === "0");
  }
  document.getElementById("nothing").hidden = checks.some((check) => !check.hidden);
}

// worst first; results that say nothing last
function badness(check, column) {
  const score = Number(check.querySelectorAll("td.answer")[column].dataset.score.replace("inf", "Infinity"));
  return Number.isNaN(score) ? -Infinity : score;
}

function sortBy(heading) {
  const key = heading.dataset.sort;
  const rising = key !== "order" && heading.getAttribute("aria-sort") === "descending";
  for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
  if (key !== "order") heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const order = (a, b) => Number(a.dataset.order) - Number(b.dataset.order);
  const compare = key === "order" ? order : (a, b) => {
    const [x, y] = [badness(a, Number(key)), badness(b, Number(key))];
    return x === y ? order(a, b) : (x > y) === rising ? 1 : -1;
  };
  table.append(...checks.sort(compare));
}

for (const check of checks) {
  fold(check, false);
  const button = check.querySelector(".fold");
  if (button) button.addEventListener("click", () => fold(check, button.getAttribute("aria-expanded") !== "true"));
}
for (const heading of table.tHead.querySelectorAll("th[data-sort]")) {
  heading.querySelector("button").addEventListener("click", () => sortBy(heading));
}
filter.addEventListener("input", show);
failing.addEventListener("change", show);
if (unfold) {
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    unfold.setAttribute("aria-pressed", String(open));
    unfold.textContent = open ? "Fold all groups" : "Show all groups";
    checks.forEach((check) => fold(check, open));
  });
}
document.querySelector("form.tools").addEventListener("submit", (event) => event.preventDefault());
document.querySelector("form.tools").hidden = false;
show();
document.documentElement.dataset.ready = String(checks.length);
