// What the theme leaves to do. Without this script every page reads the same.

// A copy button takes what a reader types: without prompts, without output. The theme's button copies the
// `data-copy` attribute of a block that has one. The same lines are marked, because the highlighter takes an
// output such as "# comment" for a prompt, and the lines of a here-document for an output. The line that names
// an error is marked too.
(() => {
  const prompts = { console: ["$", ">"], pycon: [">>>", "..."] };
  const failure = /^(ERROR: |error: |([a-z_][\w.]*\.)?[A-Z]\w*(Error|Exception)(:|\s*$))/;

  const after = (prompt, line) =>
    line === prompt ? "" : line.startsWith(prompt + " ") ? line.slice(prompt.length + 1) : null;

  /** What is typed in each line of a transcript; null for a line of output. */
  function typed(lines, [first, next]) {
    let open = false;
    return lines.map((line) => {
      const text = (open ? after(next, line) : null) ?? after(first, line);
      open = text !== null;
      return text;
    });
  }

  for (const [language, pair] of Object.entries(prompts)) {
    for (const code of document.querySelectorAll(`.language-${language} pre > code`)) {
      const commands = typed(code.textContent.replace(/\n$/, "").split("\n"), pair);
      code.dataset.copy = commands.filter((text) => text !== null).join("\n");
      code.querySelectorAll(":scope > span[id^=__span]").forEach((line, number) => {
        const output = commands[number] === null;
        line.classList.add(output ? "shown" : "typed");
        if (output && failure.test(line.textContent)) line.classList.add("failed");
      });
    }
  }
})();

// For screen readers: the theme makes each copy button a landmark, twenty on a page, and its search has no name.
(() => {
  const search = document.querySelector(".md-search[role=dialog]:not([aria-label])");
  search?.setAttribute("aria-label", search.querySelector("input").placeholder);

  const quiet = () => {
    for (const bar of document.querySelectorAll("nav.md-code__nav:not([role])")) bar.setAttribute("role", "none");
  };
  new MutationObserver(quiet).observe(document.querySelector("main"), { childList: true, subtree: true });
})();
