"""Writes chat-templates.json: conversations as transformers 5.24's apply_chat_template writes them.

The templates were written for this test; each has what chat templates of published models use: loop variables,
namespaces, macros, slices, filters, tests, white-space control, raised errors. Run with transformers installed.
"""
import json
import os

from transformers.utils.chat_template_utils import render_jinja_template

CONVERSATIONS = {
    "question": [{"role": "user", "content": " Hello\nthere "}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
    "turns": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name <one> \"bird\"."},
        {"role": "assistant", "content": "<think>hm</think>An owl. "},
        {"role": "user", "content": "Another's ö?"},
    ],
}
TEMPLATES = {
    "loop variables": "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ '<s>system\\nHelp.</s>\\n' }}"
    "{% endif %}{{ '<s>' + m['role'] + '\\n' + m['content'] + '</s>' + '\\n' }}{% if not loop.last %}|{{ loop.index0 }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant\\n' }}{% endif %}",
    "the system turn inside the first question": "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}"
    "{% set system = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set system = false %}{% endif %}"
    "{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns must alternate') }}"
    "{% endif %}{% if loop.index0 == 0 and system != false %}{% set text = '<<' + system + '>>\\n' + m['content'] %}"
    "{% else %}{% set text = m['content'] %}{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[' + text.strip() + ']' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "filters, and a first token": "{% set loop_messages = messages %}{% for m in loop_messages %}"
    "{% set content = '<h>' + m['role'] + '<e>\\n\\n' + m['content'] | trim + '<t>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<h>assistant<e>\\n\\n' }}{% endif %}",
    "no system turns": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}{% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}"
    "{% endif %}{{ '<t>' + role + '\\n' + m['content'] | trim + '<e>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<t>model\\n'}}{% endif %}",
    "a namespace": "{%- set ns = namespace(found=false, count=0) -%}\n{%- for m in messages -%}\n    {%- set ns.count = ns.count + 1 -%}\n"
    "    {%- if m.role == 'user' %}{% set ns.found = true %}{% endif -%}\n    {{- m.role ~ ns.count ~ ':' ~ m.content }}\n{%- endfor %}\n"
    "{{ 'found' if ns.found else 'none' }}",
    "a macro": "{%- macro turn(role, text, end=true) -%}\n<{{ role | upper }}>{{ text }}{% if end %}</{{ role }}>{% endif %}\n{%- endmacro -%}\n"
    "{%- for m in messages %}{{ turn(m.role, m.content) }}{% endfor -%}\n{%- if add_generation_prompt %}{{ turn('assistant', '', end=false) }}{% endif %}",
    "what was thought is left out": "{% for m in messages %}{% if m.role == 'assistant' and '</think>' in m.content %}"
    "{{ m.content.split('</think>')[-1] | trim }}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    "tests": "{% if tools is defined and tools is not none %}tools{% endif %}{% if not date is defined %}{% set date = '1 May' %}{% endif %}"
    "{{ date }}{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}"
    "{% endif %}{% if m.name is defined %}{{ m.name }}{% endif %};{% endfor %}",
    "lines of blocks": "{% for m in messages %}\n    {% if m.role == 'user' %}\nU: {{ m.content }}\n    {% else %}\nO: {{ m.content }}\n    {% endif %}\n{% endfor %}\n"
    "{% if add_generation_prompt %}\nA:{% endif %}",
    "slices and steps": "{{ messages[-1].content }}|{{ messages[::-1][0].role }}|{{ messages | length }}|{{ messages[-1:] | map(attribute='role') | join(',') }}",
    "JSON": "{{ messages | tojson }}\n{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}",
    "selected turns": "{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }} {{ m.content }}\n{% endfor %}",
    "breaks": "{% for m in messages %}{% if m.role == 'assistant' %}{% break %}{% endif %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ m.content }}{% endfor %}",
    "characters stripped": "{% for m in messages %}{{ m.content.strip(' .?') }}|{{ m.content.rstrip('\n?') }}|{{ m.content.lstrip(' HN') }}|"
    "{{ m.content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}|{{ m.content.strip() }};{% endfor %}",
    "what is not given": "{% if tools is none %}1{% endif %}{% if documents is none %}2{% endif %}{% if tools is defined %}3{% endif %}"
    "{% if other is defined %}4{% endif %}{% if tools %}5{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}",
    "answers marked for training": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}",
}
TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>"}


def rendered(template, messages, asks):
    try:
        texts, _ = render_jinja_template(
            conversations=[messages], chat_template=template, add_generation_prompt=asks, **TOKENS
        )
        return {"text": texts[0]}
    except Exception as error:  # the template's own refusal
        return {"error": str(error)}


rows = [
    {"template": name, "source": source, "conversation": kind, "asks": asks, **rendered(source, messages, asks)}
    for name, source in TEMPLATES.items()
    for kind, messages in CONVERSATIONS.items()
    for asks in (True, False)
]
path = os.path.join(os.path.dirname(__file__), "chat-templates.json")
with open(path, "w") as file:
    json.dump({"tokens": TOKENS, "conversations": CONVERSATIONS, "rows": rows}, file, indent=1, ensure_ascii=False)
    file.write("\n")
