package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// mapFlags are the flags of map.
type mapFlags struct {
	input  *readers.Options
	output string
	object string
	force  bool
	quota  quotaFlags
}

func newMap(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "map FILE",
		Short:   "Propose which column is which field, and what its values mean",
		GroupID: groupFiles,
		Long: `Propose a field for each column of FILE, a file of goals (--object: of templates or
metrics), with how sure that is and three sample values; and for the columns of
statuses, goal types, entity types and units, what each text means in this tenant,
with the rows that have it. Names that are near count as likely, and so do words
that other systems and languages have for a field (Account, Kunde, Échéance). What
cannot be told is "?".

-o writes a mapping file (see gsbatch help mapping) for import --map. A "?" left
in it is refused: for a column at once, for a value in the rows that need it. On a
terminal -o asks about each "?" first; an empty answer leaves it. Of a column's
different texts the first 200 are looked at; the rows of the others are counted.`,
		Args: takes(1, 1),
	}
	f := &mapFlags{input: addInputFlags(app, cmd)}
	addChoice(cmd, cmd.Flags(), &f.object, "object", "goals", validate.Objects(), "what the rows are")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write the mapping file `FILE`")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace the mapping file if it is there")
	f.quota.add(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runMap(app, args[0], f) }
	return cmd
}

func runMap(app *App, path string, f *mapFlags) (err error) {
	if err := f.checkOutput(); err != nil {
		return err
	}
	table, err := readers.Open(app.stop, path, *f.input)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	d, err := openDesk(app.hard, app, &f.quota, "map")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	picklists, err := d.tenant.Picklists(app.stop)
	if err != nil {
		return err
	}
	progress := newProgress(app, app.general.progress, 0)
	p, err := validate.Propose(app.stop, f.object, table, picklists, func(rows int64) { progress.Update(Status{Phase: "reading", Done: rows}) })
	progress.Finish()
	tellNotices(app, table)
	if err != nil {
		return err
	}
	if f.output != "" && path != "-" && app.asks() {
		if err := askMapping(app, p); err != nil {
			return err
		}
	}
	if err := f.write(p); err != nil {
		return err
	}
	return tellMapping(app, table, p, f.output)
}

// checkOutput refuses to replace a file that nobody said may be replaced.
func (f *mapFlags) checkOutput() error {
	if f.output == "" || f.force {
		return nil
	}
	_, err := os.Lstat(f.output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef("name another file with -o", "%w", err)
	}
	return usagef("name another file with -o, or replace it with --force", "%s is there already", oneLine(f.output))
}

func (f *mapFlags) write(p *validate.Proposal) error {
	if f.output == "" {
		return nil
	}
	if err := f.checkOutput(); err != nil { // it may have come since
		return err
	}
	file, err := writers.Create(f.output, writers.FileOptions{})
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := file.Write(p.YAML()); err != nil {
		return err
	}
	return file.Commit()
}

// askMapping asks about each column, and then each text, that nobody decided.
func askMapping(app *App, p *validate.Proposal) error {
	for _, c := range p.Columns {
		if c.Field == validate.Unsure && !c.Twin {
			question := fmt.Sprintf("column %s (%s): field, or ignore?", quoted(c.Header), oneLine(strings.Join(c.Samples, ", ")))
			if err := app.settle(question, func(answer string) error { return p.Decide(c, answer) }); err != nil {
				return err
			}
		}
		for i := range c.Values {
			v := &c.Values[i]
			if v.Value != validate.Unsure {
				continue
			}
			question := fmt.Sprintf("%s %s (%d rows): which of %s?", c.Field, quoted(v.Text), v.Rows, oneLine(p.Offers(c)))
			if err := app.settle(question, func(answer string) error { return p.DecideValue(c, v, answer) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle asks until take accepts the answer or it is empty.
func (app *App) settle(question string, take func(answer string) error) error {
	for {
		app.tell("%s ", question)
		answer, err := app.readLine()
		answer = strings.TrimSpace(answer)
		if err != nil || answer == "" {
			return err
		}
		if err := take(answer); err == nil {
			return nil
		} else {
			app.tell("  %s\n", oneLine(err.Error()))
		}
	}
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// mapped is the JSON object of map.
type mapped struct {
	Input     mappedInput      `json:"input"`
	Columns   []mappedColumn   `json:"columns"`
	Constants []mappedConstant `json:"constants"`
	Unsure    int              `json:"unsure"`
	Output    string           `json:"output"`
	ExitCode  int              `json:"exit_code"`
}

type mappedInput struct {
	Path string `json:"path"`
	Rows int    `json:"rows"`
}

type mappedColumn struct {
	Column     string        `json:"column"`
	Field      string        `json:"field"`
	Confidence string        `json:"confidence"`
	Why        string        `json:"why"`
	Samples    []string      `json:"samples"`
	Values     []mappedValue `json:"values"`
	MoreRows   int           `json:"rows_of_other_values"`
}

type mappedValue struct {
	Text       string `json:"text"`
	Rows       int    `json:"rows"`
	Value      string `json:"value"`
	Confidence string `json:"confidence"`
}

type mappedConstant struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// tellMapping prints what is proposed.
func tellMapping(app *App, table *readers.Table, p *validate.Proposal, output string) error {
	if app.general.json {
		return app.emit(mappingJSON(table, p, output))
	}
	if _, err := io.WriteString(app.stdout, mappingText(table, p)); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	if output != "" && !app.general.quiet {
		app.tell("%s written", oneLine(output))
		if n := p.Unsure(); n > 0 {
			app.tell("; decide its %d \"?\" before importing with --map", n)
		}
		app.tell("\n")
	}
	return nil
}

func mappingJSON(table *readers.Table, p *validate.Proposal, output string) mapped {
	out := mapped{Input: mappedInput{table.Path(), p.Rows}, Columns: []mappedColumn{}, Constants: []mappedConstant{}, Unsure: p.Unsure(), Output: output}
	for _, c := range p.Columns {
		column := mappedColumn{c.Header, c.Field, string(c.Confidence), c.Why, c.Samples, []mappedValue{}, c.MoreRows}
		for _, v := range c.Values {
			column.Values = append(column.Values, mappedValue{v.Text, v.Rows, v.Value, string(v.Confidence)})
		}
		out.Columns = append(out.Columns, column)
	}
	for _, c := range p.Constants {
		out.Constants = append(out.Constants, mappedConstant(c))
	}
	return out
}

func mappingText(table *readers.Table, p *validate.Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d rows, %d columns, %d unsure\n", oneLine(table.Name()), p.Rows, len(p.Columns), p.Unsure())
	for _, c := range p.Columns {
		fmt.Fprintf(&b, "%s -> %s  (%s: %s)  %s\n", oneLine(c.Header), c.Field, c.Confidence, oneLine(c.Why), oneLine(strings.Join(c.Samples, " | ")))
		for _, v := range c.Values {
			fmt.Fprintf(&b, "    %s -> %s  (%s, %d rows)\n", oneLine(v.Text), oneLine(v.Value), v.Confidence, v.Rows)
		}
		if c.MoreRows > 0 {
			fmt.Fprintf(&b, "    and %d rows with other values\n", c.MoreRows)
		}
	}
	for _, c := range p.Constants {
		fmt.Fprintf(&b, "every row: %s = %s  (likely: no column says it)\n", c.Field, c.Value)
	}
	return b.String()
}
