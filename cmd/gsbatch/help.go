package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gsbatch/validate"
)

// topic is a page of help that belongs to no command. Its text is made when it
// is asked for, from the tables that the program itself goes by.
type topic struct {
	name, short string
	text        func(root *cobra.Command) string
}

// topics returns the pages of help, in the order of the help.
func topics() []topic {
	return []topic{
		{"exit-codes", "What each exit code means", func(*cobra.Command) string { return exitHelp() }},
		{"environment", "Environment variables and settings files", environmentHelp},
		{"files", "Files that gsbatch reads and writes", func(*cobra.Command) string { return filesHelp() }},
		{"fields", "Columns of an input file and the fields they fill", func(*cobra.Command) string { return fieldsHelp() }},
		{"mapping", "The mapping file", func(*cobra.Command) string { return validate.MappingHelp }},
		{"export", "What an export writes, and its filters", func(*cobra.Command) string { return exportHelp() }},
		{"quota", "How calls are counted, shared and saved", func(*cobra.Command) string { return quotaHelp() }},
	}
}

// addTopics adds the topics and the help command to root.
func addTopics(root *cobra.Command) {
	for _, t := range topics() {
		if cmd, _, err := root.Find([]string{t.name}); err == nil && cmd != root {
			prependHelp(cmd, t)
			continue
		}
		page := &cobra.Command{Use: t.name, Short: t.short}
		page.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
			cmd.Println(strings.TrimRight(t.text(cmd.Root()), "\n"))
		})
		root.AddCommand(page)
	}
	root.SetHelpCommand(newHelp())
}

// prependHelp puts a topic before the help of the command of the same name.
func prependHelp(cmd *cobra.Command, t topic) {
	usual := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		cmd.Println(t.text(cmd.Root()))
		usual(cmd, args)
	})
}

// newHelp returns the help command: a command's help, or a topic.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND | TOPIC]",
		Short:   "Help about a command or a topic",
		GroupID: groupSetup,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noHelp(cmd.Root(), strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if found, _, err := cmd.Root().Find(args); err == nil {
				for _, sub := range found.Commands() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// noHelp is the error for a page that does not exist.
func noHelp(root *cobra.Command, asked string) error {
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, cmd.Name())
	}
	mend := "see gsbatch --help"
	if near := nearest(asked, names); near != "" {
		mend = "did you mean gsbatch help " + near + "?"
	}
	return usagef(mend, "no help about %q", asked)
}

// exitHelp is the table of exit codes.
func exitHelp() string {
	var text strings.Builder
	text.WriteString("Exit codes\n\n")
	for _, c := range exitCodes() {
		fmt.Fprintf(&text, "%4d  %s\n", c.Code, c.Meaning)
	}
	text.WriteString(`
Where several apply, the first of 130/143, 4, 11, 6, 7, 8, 3 is returned. It is
never 0 when a row failed. "Resumable" means: gsbatch resume goes on where the
run stopped, and the input file is not needed.
`)
	return text.String()
}

// environmentHelp lists the variables, out of the command tree.
func environmentHelp(root *cobra.Command) string {
	var text strings.Builder
	text.WriteString(`Environment variables and settings files

A setting is taken from the first place that has it:

  1. the flag
  2. the environment: GSBATCH_ and the flag's name (a list: one value a line)
  3. gsbatch.yaml in the working folder
  4. the profile chosen with --profile, in the user's configuration
  5. the user's configuration: --config, or gsbatch/config.yaml in
     $XDG_CONFIG_HOME (default ~/.config)

gsbatch doctor shows where each setting came from. In the files a setting is the
flag's name with "_":

  base_url: acme
  access_key_cmd: [pass, show, gainsight/acme]
  timeout: 45s
  profiles:
    sandbox:
      base_url: acme-sandbox

gsbatch.yaml in the working folder may have come with the data, so it may not
set base_url, access_key_file, access_key_cmd, ca_file, state, profile,
profiles, yes or no_input, nor write outside the working folder.

The access key is never a flag. It is taken from --access-key-file (mode 0600),
GSBATCH_ACCESS_KEY, access_key_file or access_key_cmd (a program with its
arguments; no shell) of the user's configuration, or the system keyring
(gsbatch login).

`)
	text.WriteString(variableTable(root))
	text.WriteString(`
Others that are heeded: HTTPS_PROXY, HTTP_PROXY, NO_PROXY; NO_COLOR and
TERM=dumb; XDG_STATE_HOME, XDG_CONFIG_HOME; STATE_DIRECTORY (systemd).
`)
	return text.String()
}

// variableTable lists the variables of all flags with what they set.
func variableTable(root *cobra.Command) string {
	flags := treeFlags(root)
	rows := [][2]string{{"GSBATCH_ACCESS_KEY", "the access key itself"}}
	for _, f := range flags {
		_, usage := pflag.UnquoteUsage(f)
		rows = append(rows, [2]string{envName(f.Name), usage})
	}
	slices.SortFunc(rows, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var text strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&text, "  %-26s %s\n", row[0], row[1])
	}
	return text.String()
}

// filesHelp describes the files around a run.
func filesHelp() string {
	return `Files that gsbatch reads and writes

Input: .csv (any usual delimiter and character set), .xlsx, .jsonl, each also
with .gz, and - for standard input. gsbatch rows FILE shows what the reader sees.

Workbooks of gsbatch workbook: the sheet Goals is the input; "Read me" tells how to
fill it in; the very hidden sheets _lists and _gsbatch hold what the drop-downs
offer, and the tenant, the hash of its picklists, and ids.

Report folder: gsbatch-out/RUN beside the input, or --report-dir. Every file in
it is written whole or not at all, readable for its owner only.

  results.csv    every input row once, in input order: the user's columns, then
                 _run, _line, _action, _status, _gsid, _field, _code, _reason,
                 _attempts, _request_id, _at
  results.xlsx   the same, for an input that is a workbook
  errors.csv     the rejected and invalid rows, to be mended and imported as it is
  errors.xlsx    for a workbook: a copy of it in which the bad cells are red, with a
                 comment that says why and how to mend them (10,000 at most), and
                 to the right the columns _problem, to filter by, _status, _run and
                 _line, and Gsid where there was none. Nothing else is changed.
                 Mend it and import it with the same --sheet and --header-row: a row
                 that has its Gsid from here, and the values it was created with,
                 is done and costs no call. With macros it is errors.xlsm. For more
                 than 200,000 cells, standard input, or a file that is gone or
                 changed, it is a workbook of the rejected and invalid rows alone,
                 as errors.csv; a line on stderr says so. validate writes it into
                 gsbatch-out/validate-FILE
  in_doubt.csv   rows that may have been carried out: their call left, and no
                 answer was seen. They are never sent again unasked
  pending.csv    rows that were not reached
  summary.json   counts, calls, exit code, and the one command to run next
  report.html    the same for people, in any browser or mail program: what was done,
                 calls over time, what to mend and how, rows in doubt. It holds no
                 script, loads nothing, and names customers' data

_status is created, updated, deleted, unchanged, rejected, invalid, skipped,
stale, in_doubt, parked or pending. Columns of the input that begin with _ are
left out. _line is the row number that Excel shows, or for CSV the record's
number, where the header is 1.

A CSV cell that a spreadsheet would run as a formula gets a leading ' in
reports; import takes one off.

Exports: the file of -o (or its pieces name-001 …), and FILE.manifest.json with
counts, calls, filter, columns and the SHA-256 of each file. All of them appear
together, the manifest last: while it is missing, the export is not whole.

State folder: --state, GSBATCH_STATE, systemd's STATE_DIRECTORY, or gsbatch in
the XDG state folder (~/.local/state). It holds the runs, the quota, what an
export that was broken off has read (for a day) and the embedded tenant, and
while a run is applied a megabyte in reserve for a disk that fills up. Keep it:
it is what keeps a row from being created twice. One that is deleted, moved or
replaced in mid-run stops the run, exit 11; the reports say what was sent.

Settings: gsbatch.yaml in the working folder and gsbatch/config.yaml in the XDG
configuration folder; see gsbatch help environment.
`
}

// fieldsHelp lists the fields of every object, out of the schema.
func fieldsHelp() string {
	var text strings.Builder
	text.WriteString(`Columns of an input file and the fields they fill

A header is matched without regard to case, blanks, "_" and "-". API names and
plain words both work. A mapping file gives the rest: gsbatch help mapping.
`)
	for _, object := range []string{"goals", "templates", "metrics"} {
		fields := validate.Fields(object)
		if fields == nil {
			continue
		}
		fmt.Fprintf(&text, "\nFields of %s\n", object)
		for _, f := range fields {
			fieldEntry(&text, f)
		}
	}
	return text.String()
}

// fieldEntry writes what is known of one field.
func fieldEntry(text *strings.Builder, f validate.Field) {
	fmt.Fprintf(text, "\n  %s (%s)\n", f.Name, f.Type)
	if f.About != "" {
		fmt.Fprintf(text, "      %s\n", f.About)
	}
	if len(f.Headers) > 0 {
		fmt.Fprintf(text, "      also: %s\n", strings.Join(f.Headers, ", "))
	}
	fmt.Fprintf(text, "      create: %s; update: %s\n", f.Create, f.Update)
}

// quotaHelp explains the quota.
func quotaHelp() string {
	return `How calls are counted, shared and saved

A tenant takes 100 calls a minute and 50,000 calls a day, one goal a call
(templates and metrics go several, see --batch); the allowance belongs to the
organisation and is shared with its other integrations. Every call counts:
picklists, fetches and repeats too.

  --rate N/DURATION   calls in a window (100/1m); 0 for a private server: no
                      limit, no daily limit either
  --daily N           calls in a day (50000)
  --day-reset T       a day is any 24 hours (rolling), or begins anew at a time
                      of the clock with its zone, as 00:00+00
  --share N%          of both, for all processes on this state folder together
  --reserve N%        of the day, that writes leave to exports and settling (5%)
  --wait-quota        when the day's calls are used, wait instead of pausing
                      with exit 7
  --max-calls N, --max-duration D
                      budgets of one run

The count is kept in the state folder, so it holds across restarts and for all
processes on it. A call's slot is free again one window after its answer came,
and calls are spaced evenly. When the tenant answers 429, everybody pauses; a
call that was refused so was not carried out and is made again. As this folder
keeps within the quota, somebody else uses it too: afterwards there are half as
many calls in a window (never fewer than a tenth), and a twentieth of all more
with each window that goes by. Three windows in a row without a call let in are
taken for the end of the day's allowance.

The minute before a day begins by the clock counts for both days: the tenant's
clock may be behind.

gsbatch quota shows what is used and what is left. Before a slot is taken, rows
that an earlier run created are set aside: they cost no call.

Reading saves calls: a page brings up to 1,000 goals. A plan begins to read pages,
learns with a few calls how many there are, and goes on as is cheapest:

  by pages   where they are at most as many as the names of goals to be created
             and half the rows to be updated (--diff always: all of them)
  by rows    else one call for each name to be created, which must be searched
             for since a goal cannot be deleted again, and under --diff always
             one for each row to be updated
  not at all where that may cost more than it saves, and with --diff never

--diff never searches for nothing either, and neither does --on-duplicate create.
apply, before a plan's first call, asks for the goals that were modified since: a
call or two.
`
}
