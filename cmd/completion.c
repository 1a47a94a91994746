/*
 * completion.c: `llmgw completion SHELL`: the script that makes a shell ask `llmgw __complete`
 * what may come next. The scripts know no option and no command.
 */
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/out.h"

/*
 * bash breaks words at = and :, llmgw does not: the line is split at blanks here, and what bash
 * takes for an earlier word is cut off from the answers.
 */
static const char bash[] =
    "# bash completion for llmgw: source it, or put it into\n"
    "# ~/.local/share/bash-completion/completions/llmgw\n"
    "_llmgw() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} cur= cut= candidate\n"
    "    local -a words=()\n"
    "    read -r -a words <<<\"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=('')\n"
    "    cur=${words[${#words[@]}-1]}\n"
    "    [[ $cur == *[=:]* ]] && cut=${cur%\"${cur##*[=:]}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r candidate _; do\n"
    "        if [[ $candidate == :files ]]; then\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"${cur#\"$cut\"}\")\n"
    "            return\n"
    "        fi\n"
    "        candidate=${candidate#\"$cut\"}\n"
    "        [[ -n $candidate ]] && COMPREPLY+=(\"$candidate\")\n"
    "    done < <(command llmgw __complete -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _llmgw llmgw\n";

static const char zsh[] =
    "#compdef llmgw\n"
    "# zsh completion for llmgw: a file _llmgw in a folder of $fpath\n"
    "_llmgw() {\n"
    "    local line candidate what\n"
    "    local -a described said\n"
    "    said=(\"${(@Q)words[2,CURRENT]}\")\n"
    "    for line in ${(f)\"$(command llmgw __complete -- \"${said[@]}\" "
    "2>/dev/null)\"}; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            _files\n"
    "            return\n"
    "        fi\n"
    "        candidate=${line%%$'\\t'*} what=\n"
    "        [[ $line == *$'\\t'* ]] && what=${line#*$'\\t'}\n"
    "        described+=(\"${candidate//:/\\\\:}${what:+:$what}\")\n"
    "    done\n"
    "    _describe llmgw described\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _llmgw \"$@\"\n"
    "else\n"
    "    compdef _llmgw llmgw\n"
    "fi\n";

static const char fish[] =
    "# fish completion for llmgw: ~/.config/fish/completions/llmgw.fish\n"
    "function __llmgw_complete\n"
    "    set -l words (commandline -opc)[2..] (commandline -ct)\n"
    "    set -l lines (command llmgw __complete -- $words 2>/dev/null)\n"
    "    if contains -- :files $lines\n"
    "        __fish_complete_path (commandline -ct)\n"
    "    else\n"
    "        printf '%s\\n' $lines\n"
    "    end\n"
    "end\n"
    "complete -c llmgw -f -a '(__llmgw_complete)'\n";

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    static const struct {
        const char *shell, *script;
    } rows[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    (void)options;
    if (args->n != 1)
        return err_set(e, ERR_USAGE, "usage: llmgw completion bash|zsh|fish");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(args->items[0], rows[i].shell) == 0)
            return out_write(ctx, str_of(rows[i].script), e);
    return err_set(e, ERR_USAGE, "no completion for \"%s\", but for bash, zsh and fish",
                   args->items[0]);
}

static const struct cmd_example examples[] = {
    {"llmgw completion bash >>~/.bash_completion", "for bash"},
    {"llmgw completion fish >llmgw.fish", "for fish, in ~/.config/fish/completions"},
    {"llmgw completion zsh >_llmgw", "for zsh, in a folder of $fpath"},
    {0},
};

const struct cmd_entry cmd_completion = {
    .name = "completion",
    .args = "bash | zsh | fish",
    .summary = "the script that completes llmgw's command lines in a shell",
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
