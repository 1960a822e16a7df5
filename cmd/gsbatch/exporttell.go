package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/validate"
	"gsbatch/writers"
)

// exported is the JSON object of export, and with schema_version the manifest.
type exported struct {
	Object   string                `json:"object"`
	Tenant   string                `json:"tenant"`
	Emulated bool                  `json:"emulated"`
	Started  *time.Time            `json:"started_at"` // by the server's clock
	Seconds  float64               `json:"seconds"`
	Filter   exportedFilter        `json:"filter"`
	Columns  []string              `json:"columns"`
	Dropped  []string              `json:"dropped_fields"`
	Counts   exportedCounts        `json:"counts"`
	Calls    exportedCalls         `json:"calls"`
	Proved   bool                  `json:"proved"` // that nothing which existed all along is missing
	Why      string                `json:"why"`
	Files    []pipeline.ExportFile `json:"files"`
	Notes    []string              `json:"notes"`
	ExitCode int                   `json:"exit_code"`
}

type exportedFilter struct {
	Where string     `json:"where"`
	Since *time.Time `json:"since"`
}

type exportedCounts struct {
	Rows       int `json:"rows"`
	Duplicates int `json:"duplicates_dropped"`
	Resumed    int `json:"read_before"` // by an export that was broken off
	Notes      int `json:"notes"`
}

type exportedCalls struct {
	Total      int            `json:"total"`
	ByEndpoint map[string]int `json:"by_endpoint"`
}

// manifestJSON is the manifest: what --json prints, with its version.
type manifestJSON struct {
	SchemaVersion int `json:"schema_version"`
	exported
}

func (j *exportJob) manifest(out pipeline.Exported, code int) manifestJSON {
	return manifestJSON{schemaVersion, j.account(out, code)}
}

func (j *exportJob) account(out pipeline.Exported, code int) exported {
	calls := callsOf(j.desk)
	return exported{
		Object: j.object, Tenant: j.tenant.name, Emulated: j.tenant.emulated, Started: moment(out.Started),
		Seconds: j.app.now().Sub(j.began).Round(time.Millisecond).Seconds(),
		Filter:  exportedFilter{Where: j.flags.where, Since: moment(j.from)},
		Columns: listed(out.Columns), Dropped: listed(out.Dropped),
		Counts: exportedCounts{Rows: out.Rows, Duplicates: out.Duplicates, Resumed: out.Resumed, Notes: out.NotesTotal},
		Calls:  exportedCalls{calls.Total, calls.ByEndpoint}, Proved: out.Proved, Why: out.Why,
		Files: listed(out.Files), Notes: listed(out.Notes), ExitCode: code,
	}
}

// listed keeps an empty list from being written as null.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// shownNotes is how many cells that could not be written are told one by one.
const shownNotes = 10

// tell says what was written, and leaves with the code.
func (j *exportJob) tell(out pipeline.Exported, code int) error {
	for i, note := range out.Notes {
		if i == shownNotes {
			j.app.tell("warning: and %d more cells\n", out.NotesTotal-shownNotes)
			break
		}
		j.app.tell("warning: %s\n", oneLine(note))
	}
	if out.Leftover != "" {
		j.app.tell("warning: %s is of an earlier export, which had more files\n", oneLine(out.Leftover))
	}
	if code == exitEmpty {
		j.app.tell("gsbatch: nothing to export\n")
	}
	if j.app.general.json {
		if err := j.app.emit(j.account(out, code)); err != nil {
			return err
		}
		return leave(code)
	}
	if code == exitOK {
		if err := j.tellFiles(out); err != nil {
			return err
		}
	}
	return leave(code)
}

// tellFiles names the files; with - standard output is taken.
func (j *exportJob) tellFiles(out pipeline.Exported) error {
	var text strings.Builder
	stamp := ""
	if j.tenant.emulated {
		stamp = " (emulated tenant)"
	}
	noun := j.object
	if noun == "picklists" {
		noun = "picklist items"
	}
	fmt.Fprintf(&text, "%d %s%s", out.Rows, noun, stamp)
	if out.Duplicates > 0 {
		fmt.Fprintf(&text, ", %d duplicates dropped", out.Duplicates)
	}
	if out.Empty {
		text.WriteString(": nothing is written")
	}
	if !out.Proved {
		text.WriteString("; not proved to be all: " + oneLine(out.Why))
	}
	text.WriteString("\n")
	for _, file := range out.Files {
		text.WriteString("  " + oneLine(file.Path) + "\n")
	}
	if len(out.Files) > 0 && j.target.Book == nil {
		text.WriteString("  " + oneLine(pipeline.ManifestPath(j.target.Path)) + "\n")
	}
	if j.target.Stream != nil {
		j.note("%s", text.String())
		return nil
	}
	if _, err := fmt.Fprint(j.app.stdout, text.String()); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// exportPicklists writes one row for each item.
func (j *exportJob) exportPicklists() error {
	header := writers.Columns("Category", "Gsid", "Name", "Cell", "Active", "GoalTypes", "GoalTypeIds", "Entities", "UnitOfMeasure")
	header[4].Kind = writers.Bool
	return j.writeRows(header, picklistRows(j.picklists))
}

// exportMetrics writes one row for each metric, under the names of the fields of
// "Metric Create API" of the specification. Names of goal types have ; between
// them; a type whose name is not unique, or holds a ; itself, is told by its Gsid.
func (j *exportJob) exportMetrics() error {
	types, label := "associateGoalTypeNames", validate.NewLabels(j.picklists).GoalType
	if j.flags.ids {
		types, label = "associateGoalTypes", func(gsid string) string { return gsid }
	}
	header := writers.Columns("gsid", "name", "unitOfMeasure", "description", types, "active")
	header[5].Kind = writers.Bool
	var rows [][]string
	for _, m := range j.picklists.Metrics {
		linked := typesWith(j.picklists, m.Gsid, func(t *gainsight.GoalType) []string { return t.MetricIDs })
		cells := make([]string, len(linked))
		for i, t := range linked {
			if cells[i] = label(t.Gsid); strings.Contains(cells[i], ";") {
				cells[i] = t.Gsid
			}
		}
		rows = append(rows, []string{m.Gsid, m.Name, m.UnitOfMeasure, m.Description, strings.Join(cells, ";"), strconv.FormatBool(m.Active)})
	}
	return j.writeRows(header, rows)
}

// writeRows writes what came whole with the picklists.
func (j *exportJob) writeRows(header []writers.Column, rows [][]string) error {
	started := j.tenant.ServerTime()
	j.target.Manifest = func(out pipeline.Exported) ([]byte, error) {
		out.Started = started
		return pipeline.ManifestText(j.manifest(out, exitOK))
	}
	out, err := pipeline.WriteRows(j.target, header, rows)
	if err != nil {
		return err
	}
	out.Started = started
	if out.Empty && j.flags.ifEmpty == "fail" {
		return j.tell(out, exitEmpty)
	}
	return j.tell(out, exitOK)
}

// picklistRows are the goal types, statuses and metrics of a tenant. Cell is
// what a cell of an input has to say: the name, or the Gsid where the name is
// not unique. GoalTypes are those that a status or metric is linked with.
func picklistRows(p *gainsight.Picklists) [][]string {
	labels := validate.NewLabels(p)
	var rows [][]string
	for _, t := range p.GoalTypes {
		rows = append(rows, []string{"GOAL_TYPE", t.Gsid, t.Name, labels.GoalType(t.Gsid), strconv.FormatBool(t.Active), "", "", strings.Join(t.EntityIDs, ";"), ""})
	}
	for _, s := range p.Statuses {
		names, ids := linkedTypes(p, s.Gsid, func(t *gainsight.GoalType) []string { return t.StatusIDs })
		rows = append(rows, []string{"GOAL_STATUS", s.Gsid, s.Name, labels.Status(s.Gsid), strconv.FormatBool(s.Active), names, ids, "", ""})
	}
	for _, m := range p.Metrics {
		names, ids := linkedTypes(p, m.Gsid, func(t *gainsight.GoalType) []string { return t.MetricIDs })
		rows = append(rows, []string{"METRIC", m.Gsid, m.Name, labels.Metric(m.Gsid), strconv.FormatBool(m.Active), names, ids, "", m.UnitOfMeasure})
	}
	return rows
}

// linkedTypes names the goal types that have gsid in a list of theirs.
func linkedTypes(p *gainsight.Picklists, gsid string, list func(*gainsight.GoalType) []string) (names, ids string) {
	var types, gsids []string
	for _, t := range typesWith(p, gsid, list) {
		types, gsids = append(types, t.Name), append(gsids, t.Gsid)
	}
	return strings.Join(types, ";"), strings.Join(gsids, ";")
}

// typesWith are the goal types that have gsid in a list of theirs.
func typesWith(p *gainsight.Picklists, gsid string, list func(*gainsight.GoalType) []string) (types []*gainsight.GoalType) {
	for i := range p.GoalTypes {
		if t := &p.GoalTypes[i]; slices.Contains(list(t), gsid) {
			types = append(types, t)
		}
	}
	return types
}
