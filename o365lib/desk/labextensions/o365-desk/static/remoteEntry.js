// The desk's part of JupyterLab: the banner, cards in the launcher, copy buttons.
//
// It is written as JupyterLab loads prebuilt extensions (a container of module federation with
// `init` and `get`), by hand, because it needs no library that JupyterLab does not bring.
// https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html
(() => {
  'use strict';
  let scope;

  // The module that JupyterLab shares under a name, in the newest version that is there.
  async function shared(name) {
    const versions = Object.keys(scope[name]).sort((a, b) =>
      b.localeCompare(a, undefined, {numeric: true}));
    return (await scope[name][versions[0]].get())();
  }

  // Whatever it is, it is shown as text.
  function part(text, className) {
    const element = document.createElement('span');
    element.className = className;
    element.dir = 'auto';
    element.textContent = text;
    element.title = text;
    return element;
  }

  function show(node, told) {
    node.replaceChildren();
    const isSandbox = Boolean(told && told.sandbox);
    node.className = 'o365-banner ' +
      (isSandbox ? 'o365-banner-sandbox' : told && told.client ? 'o365-banner-real' : 'o365-banner-none');
    if (!told) {
      node.append(part('No client: this is not a working copy of a runbook', 'o365-banner-part'));
      return;
    }
    if (!told.client) {
      node.append(part('All clients', 'o365-banner-client'), part(told.runbook, 'o365-banner-part'));
      return;
    }
    if (isSandbox) {
      node.append(part('SANDBOX: nothing here is real', 'o365-banner-word'));
    } else {
      node.append(part('REAL TENANT', 'o365-banner-word'));
    }
    const name = told.display_name ? `${told.display_name} (${told.client})` : told.client;
    node.append(
      part(`Client: ${name}`, 'o365-banner-client'),
      part(`Tenant: ${told.tenant}`, 'o365-banner-part'),
      part(`Cloud: ${told.cloud}`, 'o365-banner-part'),
      part(told.runbook.replaceAll('_', ' ') + (told.dry_run ? ', dry run' : ''), 'o365-banner-part'));
    if (told.ticket) {
      node.append(part(`Ticket: ${told.ticket}`, 'o365-banner-part'));
    }
  }

  function metadataOf(panel) {
    const model = panel && panel.content && panel.content.model;
    if (!model) {
      return null;
    }
    const told = model.getMetadata ? model.getMetadata('o365') : null;
    return told && typeof told === 'object' ? told : null;
  }

  function addBanner(app, tracker, widgets) {
    const node = document.createElement('div');
    const widget = new widgets.Widget({node});
    widget.id = 'o365-banner';
    node.setAttribute('role', 'status');
    node.setAttribute('aria-label', 'Where you work');
    show(node, null);
    app.shell.add(widget, 'header', {rank: 1});
    const update = () => {
      const current = app.shell.currentWidget;
      const panel = current && tracker.has(current) ? current : null;
      show(node, metadataOf(panel));
      if (panel) {
        panel.context.ready.then(() => {
          if (app.shell.currentWidget === panel) {
            show(node, metadataOf(panel));
          }
        });
      }
    };
    app.shell.currentChanged && app.shell.currentChanged.connect(update);
    tracker.currentChanged.connect(update);
    app.restored.then(update);
  }

  // "Run All" leaves the last cell in sight; what stopped it is what she has to read.
  function showWhatFailed(notebook) {
    let isWaiting = false;
    notebook.NotebookActions.executed.connect((_sender, {notebook: shown, cell, success}) => {
      const at = success ? -1 : shown.widgets.indexOf(cell);
      // The cells after it, which were not executed, are told as failed too.
      if (at >= 0 && !isWaiting) {
        isWaiting = true;
        // JupyterLab itself scrolls to the last cell when all that was asked for has ended.
        setTimeout(() => {
          isWaiting = false;
          shown.activeCellIndex = at;
          (cell.outputArea ? cell.outputArea.node : cell.node).scrollIntoView({block: 'center'});
        }, 300);
      }
    });
  }

  function addLauncherCards(app, launcher, coreutils, apputils) {
    const base = coreutils.PageConfig.getBaseUrl();
    let start = null;
    const openStart = runbook => {
      if (!start || start.isDisposed) {
        const content = new apputils.IFrame({
          sandbox: ['allow-same-origin', 'allow-scripts', 'allow-forms', 'allow-popups'],
        });
        start = new apputils.MainAreaWidget({content});
        start.id = 'o365-start';
        start.title.label = 'Start page';
        start.title.closable = true;
      }
      start.content.url = base + 'o365/' + (runbook ? '?runbook=' + encodeURIComponent(runbook) : '');
      if (!start.isAttached) {
        app.shell.add(start, 'main');
      }
      app.shell.activateById(start.id);
    };
    const addCard = (command, label, caption, runbook, rank) => {
      app.commands.addCommand(command, {label, caption, execute: () => openStart(runbook)});
      if (launcher) {
        launcher.add({command, category: 'Runbooks', rank});
      }
    };
    addCard('o365:start', 'Start page', 'Choose a client and a runbook', '', 0);
    fetch(base + 'o365/api/desk', {credentials: 'same-origin'})
      .then(answer => answer.json())
      .then(desk => (desk.runbooks || []).forEach((runbook, at) =>
        addCard('o365:open-' + runbook.name, runbook.title, runbook.summary, runbook.name, at + 1)))
      .catch(() => undefined); // the start page says what is wrong
    // The start page in its frame opens a working copy here instead of loading all anew.
    window.o365Desk = {
      open: address => {
        const path = new URL(address, window.location.href).pathname;
        const marker = '/lab/tree/';
        const at = path.indexOf(marker);
        if (at >= 0) {
          app.commands.execute('docmanager:open', {
            path: decodeURIComponent(path.slice(at + marker.length)),
          });
        }
      },
    };
  }

  function copyWhatIsAsked() {
    const told = document.createElement('div');
    told.className = 'o365-told';
    told.setAttribute('role', 'status');
    told.setAttribute('aria-live', 'polite');
    document.body.append(told);
    document.addEventListener('click', async event => {
      const button = event.target instanceof Element
        ? event.target.closest('button[data-o365-copy]') : null;
      const source = button && document.getElementById(button.dataset.o365Copy);
      if (!source) {
        return;
      }
      const text = 'value' in source ? source.value : source.textContent;
      try {
        await navigator.clipboard.writeText(text);
        told.textContent = 'Copied';
        button.classList.add('o365-copied');
        setTimeout(() => button.classList.remove('o365-copied'), 2000);
      } catch (_error) {
        // Without the right to the clipboard the text is selected, for the keyboard.
        const range = document.createRange();
        range.selectNodeContents(source);
        const selection = window.getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        told.textContent = 'Selected: press Control C to copy';
      }
    });
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['o365-desk'] = {
    init(given) {
      scope = given;
    },
    async get(_module) {
      const [notebook, launcher, widgets, coreutils, apputils] = await Promise.all([
        shared('@jupyterlab/notebook'),
        shared('@jupyterlab/launcher'),
        shared('@lumino/widgets'),
        shared('@jupyterlab/coreutils'),
        shared('@jupyterlab/apputils'),
      ]);
      const sheet = document.createElement('link');
      sheet.rel = 'stylesheet';
      sheet.href = coreutils.URLExt.join(
        coreutils.PageConfig.getOption('fullLabextensionsUrl'), 'o365-desk/static/desk.css');
      document.head.append(sheet);
      const plugin = {
        id: 'o365-desk:plugin',
        description: 'Whose tenant one works on, always in sight',
        autoStart: true,
        requires: [notebook.INotebookTracker],
        optional: [launcher.ILauncher],
        activate(app, tracker, cards) {
          addBanner(app, tracker, widgets);
          addLauncherCards(app, cards, coreutils, apputils);
          copyWhatIsAsked();
          showWhatFailed(notebook);
        },
      };
      return () => ({__esModule: true, default: plugin});
    },
  };
})();
