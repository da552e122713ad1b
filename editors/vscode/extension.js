// Starts `flowrules lsp` for .frules files and stops it with the window.

"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

async function start() {
  if (!workspace.isTrusted) {
    return;
  }
  const settings = workspace.getConfiguration("flowrules");
  const [command, ...args] = settings.get("command") || ["flowrules", "lsp"];
  client = new LanguageClient(
    "flowrules",
    "flowrules",
    { command, args, transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file", language: "frules" }, { scheme: "untitled", language: "frules" }],
      initializationOptions: { site: settings.get("site") || null },
      synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.frules") },
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const reason = error instanceof Error ? error.message : String(error);
    window.showErrorMessage(
      `flowrules: '${[command, ...args].join(" ")}' does not start (${reason}). ` +
        "Install it with: pip install 'flowrules[lsp]', or set flowrules.command.",
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("flowrules.restart", restart),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("flowrules.command") || change.affectsConfiguration("flowrules.site")) {
        return restart();
      }
    }),
    workspace.onDidGrantWorkspaceTrust(start),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
