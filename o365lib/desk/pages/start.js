'use strict';
// The start page: the client, the ticket, the runbook. All that it shows is text, never markup.

const MOST_SHOWN = 50;
const WANTED = new URLSearchParams(window.location.search).get('runbook');
const $ = id => document.getElementById(id);
const state = {clients: [], texts: [], chosen: null, found: [], active: -1, desk: null, values: {}};

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) {
      made[key] = value;
    } else {
      made.setAttribute(key, value);
    }
  }
  made.append(...children.filter(child => child !== null && child !== ''));
  return made;
}

const textIn = (className, text) => element('span', {className, dir: 'auto'}, text);

function cookie(name) {
  const found = document.cookie.split('; ').find(each => each.startsWith(name + '='));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : '';
}

async function ask(address, body) {
  const options = body === undefined ? {} : {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'X-XSRFToken': cookie('_xsrf')},
    body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(address, {credentials: 'same-origin', ...options});
  } catch (_error) {
    throw {message: 'JupyterLab does not answer.', remedy: 'Is `o365 lab` still running? Load this page again.', problems: []};
  }
  let content = {};
  try {
    content = await answer.json();
  } catch (_error) {
    content = {message: `JupyterLab answered with status ${answer.status}.`, remedy: 'Load this page again.'};
  }
  if (!answer.ok) {
    throw {message: '', remedy: '', problems: [], ...content};
  }
  return content;
}

function tell(box, error) {
  box.replaceChildren(element('p', {}, element('b', {}, error.message || String(error))));
  if (error.remedy) {
    box.append(element('p', {}, error.remedy));
  }
  box.hidden = false;
}

// ---- the client ---------------------------------------------------------------------------------

function details(client) {
  if (client.problems.length) {
    return `its file is wrong: ${client.problems.length} problem${client.problems.length === 1 ? '' : 's'}`;
  }
  const parts = [client.tenant, client.cloud, client.purpose, `onboarding ${client.onboarding}`];
  const account = client.account;
  parts.push(account
    ? `account stands${account.since ? ' since ' + account.since : ''}${account.roles.length ? ', ' + account.roles.join(', ') : ''}`
    : 'no account by the records');
  if (client.due && client.due.state === 'overdue') {
    parts.push(`OVERDUE by ${-client.due.days} day${client.due.days === -1 ? '' : 's'}`);
  } else if (client.due && client.due.state === 'soon') {
    parts.push(`due by ${client.due.remove_by}`);
  }
  const run = client.last_run;
  parts.push(run
    ? `last run: ${run.runbook.split('_')[0]}, ${run.outcome}${run.when ? ', ' + run.when.slice(0, 10) : ''}`
    : 'no run yet');
  return parts.join(' · ');
}

function find(typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  let count = 0;
  state.texts.forEach((text, at) => {
    if (words.every(word => text.includes(word))) {
      count += 1;
      if (found.length < MOST_SHOWN) {
        found.push(state.clients[at]);
      }
    }
  });
  return {found, count};
}

function search() {
  const begun = performance.now();
  const {found, count} = find($('search').value);
  state.found = found;
  state.active = -1;
  $('found').replaceChildren(...found.map((client, at) => element('li',
    {id: `option-${at}`, role: 'option', 'aria-selected': 'false', 'aria-disabled': String(client.problems.length > 0)},
    textIn('name', client.display_name ? `${client.display_name} (${client.client})` : client.client),
    textIn('detail', details(client)))));
  $('search').setAttribute('aria-expanded', String(found.length > 0));
  $('search').removeAttribute('aria-activedescendant');
  const more = count > found.length ? `; the first ${found.length} are shown` : '';
  $('count').textContent = state.clients.length === 0
    ? 'There is no client file yet: make one with the button New client.'
    : `${count.toLocaleString('en')} of ${state.clients.length.toLocaleString('en')} clients${more}`;
  document.documentElement.dataset.searchMilliseconds = String(performance.now() - begun);
}

function activate(at) {
  const options = [...$('found').children];
  if (!options.length) {
    return;
  }
  state.active = (at + options.length) % options.length;
  options.forEach((option, number) => option.setAttribute('aria-selected', String(number === state.active)));
  options[state.active].scrollIntoView({block: 'nearest'});
  $('search').setAttribute('aria-activedescendant', options[state.active].id);
}

function choose(client) {
  state.chosen = client.problems.length ? null : client;
  const box = $('chosen');
  box.hidden = false;
  box.className = client.problems.length ? 'box trouble' : 'box';
  box.replaceChildren(
    element('p', {}, client.problems.length ? 'This client cannot be worked on: ' : 'Chosen: ',
      textIn('name', client.display_name ? `${client.display_name} (${client.client})` : client.client)),
    element('p', {}, textIn('detail', details(client))));
  if (client.problems.length) {
    box.append(element('ul', {}, ...client.problems.map(text => element('li', {className: 'problem'}, textIn('text', text)))));
  } else {
    // From a card of the launcher, the runbook is chosen already.
    const next = WANTED && document.getElementById(`open-${WANTED}`);
    setTimeout(() => { if (next && document.activeElement === $('search')) { document.getElementById(`open-${WANTED}`).focus(); } });
    $('search').value = client.client;
    $('found').replaceChildren();
    $('search').setAttribute('aria-expanded', 'false');
  }
  showRunbooks();
}

async function readClients() {
  const {clients} = await ask('api/clients');
  state.clients = clients;
  state.texts = clients.map(each =>
    [each.client, each.display_name, each.tenant, each.purpose, each.cloud].filter(Boolean).join(' ').toLowerCase());
  $('search').disabled = false;
  if (state.chosen) {
    // Its file may have been broken, or taken away, meanwhile.
    const now = clients.find(each => each.client === state.chosen.client);
    if (!now) {
      state.chosen = null;
      $('chosen').hidden = true;
      showRunbooks();
    } else {
      choose(now);
      $('count').textContent = `${clients.length.toLocaleString('en')} clients`;
      return;
    }
  }
  search();
}

// ---- runbooks and copies ------------------------------------------------------------------------

function go(url) {
  if (window.parent !== window && window.parent.o365Desk) {
    window.parent.o365Desk.open(url);
  } else {
    window.location.assign(url);
  }
}

async function open(runbook, button) {
  button.disabled = true;
  $('trouble').hidden = true;
  try {
    const {url} = await ask('api/copies', {
      runbook: runbook.name,
      client: runbook.needs_client ? state.chosen.client : '',
      ticket: $('ticket').value,
      dry_run: $('dry-run').checked && runbook.needs_client,
    });
    go(url);
  } catch (error) {
    tell($('trouble'), error);
    $('trouble').scrollIntoView();
    readClients().catch(() => undefined);
  } finally {
    button.disabled = false;
  }
}

function showRunbooks() {
  $('runbooks').replaceChildren(...state.desk.runbooks.map(runbook => {
    const isReady = !runbook.needs_client || state.chosen !== null;
    const button = element('button', {type: 'button', className: 'main', disabled: !isReady, id: `open-${runbook.name}`},
      !runbook.needs_client ? 'Open' : isReady ? `Open for ${state.chosen.client}` : 'Choose a client first');
    button.addEventListener('click', () => open(runbook, button));
    return element('article', {className: runbook.name === WANTED ? 'card wanted' : 'card'},
      element('h3', {}, runbook.title), element('p', {}, runbook.summary), button);
  }));
}

function showCopies() {
  $('copies').replaceChildren(...state.desk.copies.map(copy => {
    const link = element('a', {href: copy.url}, `${copy.runbook.replaceAll('_', ' ')}: ${copy.client || 'all clients'}${copy.ticket ? ', ' + copy.ticket : ''}`);
    link.dir = 'auto';
    link.addEventListener('click', event => { event.preventDefault(); go(copy.url); });
    return element('li', {}, link);
  }));
  $('copies-section').hidden = state.desk.copies.length === 0;
}

// ---- a new client -------------------------------------------------------------------------------

const isAskedFor = field => Object.entries(field.when || {}).every(
  ([name, values]) => values.includes(state.values[name]));

function showForm() {
  for (const field of state.desk.form.filter(each => each.kind === 'choice')) {
    state.values[field.name] = state.values[field.name] ?? field.choices[0];
  }
  const focused = document.activeElement && document.activeElement.id;
  $('fields').replaceChildren(...state.desk.form.filter(isAskedFor).map(field => {
    const id = `field-${field.name}`;
    let input;
    if (field.kind === 'choice') {
      input = element('select', {id}, ...field.choices.map(choice => element('option', {value: choice}, choice)));
      input.value = state.values[field.name];
    } else if (field.kind === 'check') {
      input = element('input', {id, type: 'checkbox', checked: state.values[field.name] === true});
    } else {
      input = element('input', {id, type: 'text', autocomplete: 'off', spellcheck: false, value: state.values[field.name] ?? ''});
    }
    input.setAttribute('aria-describedby', `${id}-hint ${id}-problem`);
    if (field.is_required) {
      input.setAttribute('aria-required', 'true');
    }
    input.addEventListener(field.kind === 'text' ? 'input' : 'change', () => {
      state.values[field.name] = field.kind === 'check' ? input.checked : input.value;
      if (field.kind === 'choice') {
        showForm();
        $(id).focus();
      }
    });
    return element('div', {className: 'field'},
      element('label', {htmlFor: id}, field.label + (field.is_required ? ' (needed)' : '')), input,
      element('div', {id: `${id}-hint`, className: 'hint'}, field.hint),
      element('div', {id: `${id}-problem`, className: 'problem'}));
  }));
  if (focused && $(focused)) {
    $(focused).focus();
  }
}

function showProblems(error) {
  const box = $('form-trouble');
  document.querySelectorAll('#fields .problem').forEach(each => each.replaceChildren());
  document.querySelectorAll('#fields [aria-invalid]').forEach(each => each.removeAttribute('aria-invalid'));
  const problems = error.problems || [];
  if (!problems.length) {
    tell(box, error);
    box.focus();
    return;
  }
  const count = problems.length;
  box.replaceChildren(element('p', {}, element('b', {}, `Nothing was written: ${count} problem${count === 1 ? '' : 's'}.`)));
  const list = element('ul');
  let first = null;
  for (const problem of problems) {
    const names = state.desk.form.filter(isAskedFor).map(field => field.name);
    const name = names.find(each => each === problem.field) || names.find(each => each.startsWith(problem.field + '.'));
    const item = element('li', {}, textIn('text', `${problem.field ? problem.field + ': ' : ''}${problem.message}`));
    list.append(item);
    if (name) {
      $(`field-${name}-problem`).append(textIn('text', `✗ ${problem.message}`));
      $(`field-${name}`).setAttribute('aria-invalid', 'true');
      first = first || $(`field-${name}`);
    }
  }
  box.append(list);
  box.hidden = false;
  (first || box).focus();
}

async function make(event) {
  event.preventDefault();
  $('form-trouble').hidden = true;
  const asked = Object.fromEntries(state.desk.form.filter(isAskedFor)
    .filter(field => state.values[field.name])
    .map(field => [field.name, state.values[field.name]]));
  try {
    const {client} = await ask('api/clients', asked);
    state.values = {};
    $('form-section').hidden = true;
    await readClients();
    choose(state.clients.find(each => each.client === client));
    $('ticket').focus();
  } catch (error) {
    showProblems(error);
  }
}

// ---- begin --------------------------------------------------------------------------------------

$('search').addEventListener('input', () => { state.chosen = null; $('chosen').hidden = true; search(); showRunbooks(); });
$('search').addEventListener('keydown', event => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    if (!$('found').children.length) {
      search();
    }
    activate(state.active + (event.key === 'ArrowDown' ? 1 : state.active < 0 ? 0 : -1));
  } else if (event.key === 'Enter') {
    const at = state.active >= 0 ? state.active : state.found.length === 1 ? 0 : -1;
    if (at >= 0 && state.found[at]) {
      event.preventDefault();
      choose(state.found[at]);
    }
  } else if (event.key === 'Escape') {
    $('found').replaceChildren();
    $('search').setAttribute('aria-expanded', 'false');
  }
});
$('found').addEventListener('click', event => {
  const option = event.target.closest('li');
  if (option) {
    choose(state.found[[...$('found').children].indexOf(option)]);
  }
});
$('new-client').addEventListener('click', () => {
  $('form-section').hidden = false;
  $('form-trouble').hidden = true;
  showForm();
  $('fields').querySelector('input, select').focus();
});
$('form-cancel').addEventListener('click', () => { $('form-section').hidden = true; $('new-client').focus(); });
$('form').addEventListener('submit', make);
window.addEventListener('focus', () => { readClients().catch(error => tell($('trouble'), error)); });

(async () => {
  try {
    state.desk = await ask('api/desk');
    $('banner').hidden = !state.desk.sandbox;
    $('lab').href = state.desk.lab;
    showRunbooks();
    showCopies();
    await readClients();
    const wanted = state.clients.find(each => each.client === state.desk.client);
    if (wanted) {
      choose(wanted);
    }
    (wanted ? $('ticket') : $('search')).focus();
    document.documentElement.dataset.ready = 'true';
  } catch (error) {
    tell($('trouble'), error);
    (error.problems || []).forEach(each => $('trouble').append(element('p', {className: 'problem'}, textIn('text', each.text))));
    $('count').textContent = '';
  }
})();
