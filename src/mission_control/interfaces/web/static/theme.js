// Before the first paint: the light or dark that was chosen on this device; without a choice the system's own.
"use strict";
{
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
