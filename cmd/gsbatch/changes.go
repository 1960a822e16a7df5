package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"gsbatch/checkpoint"
	"gsbatch/pipeline"
	"gsbatch/writers"
)

// review shows what a plan does, field by field.
type review struct {
	app    *App
	run    *checkpoint.Run
	output string // file to write it into, "" none
	rows   iter.Seq2[pipeline.RowChange, error]
}

func (in *intake) review(ctx context.Context, run *checkpoint.Run, output string) *review {
	return &review{app: in.app, run: run, output: output, rows: pipeline.Changes(ctx, run, in.picklists)}
}

// reviewOutput checks, before the first call, that the file can be written.
func reviewOutput(path string) error {
	if path == "" {
		return nil
	}
	if _, _, err := writers.FormatOf(path); err != nil {
		return usagef("", "--output: %w", err)
	}
	return nil
}

// changeJSON is a row of plan --json.
type changeJSON struct {
	Line   int               `json:"line"`
	Action string            `json:"action"`
	Gsid   string            `json:"gsid"`
	Name   string            `json:"name"`
	Status checkpoint.Status `json:"status"`
	Reason string            `json:"reason"`
	Fields []fieldJSON       `json:"fields"`
	Kept   []string          `json:"cannot_undo,omitempty"`
}

// fieldJSON is one field of it; old is null where it was not read.
type fieldJSON struct {
	Field string  `json:"field"`
	Old   *string `json:"old"`
	New   string  `json:"new"`
}

func changeOf(row pipeline.RowChange) changeJSON {
	c := changeJSON{Line: row.Line, Action: row.Action, Gsid: row.Gsid, Name: row.Name, Status: row.Fate.Status, Reason: row.Fate.Reason, Fields: []fieldJSON{}, Kept: row.Kept}
	for _, f := range row.Fields {
		field := fieldJSON{Field: f.Field, New: f.New}
		if f.Read {
			field.Old = &f.Old
		}
		c.Fields = append(c.Fields, field)
	}
	return c
}

// json prints the summary with the changes in it, row by row, so that memory
// does not grow with the plan.
func (v *review) json(summary writers.Summary) error {
	var head bytes.Buffer
	if err := writers.EncodeSummary(&head, summary); err != nil {
		return err
	}
	v.app.emitted = true
	text := strings.TrimSuffix(strings.TrimSpace(head.String()), "}")
	_, err := io.WriteString(v.app.stdout, strings.TrimSpace(text)+",\n  \"changes\": [")
	sep := "\n    "
	for row, failed := range v.rows {
		if failed != nil {
			return errors.Join(failed, err)
		}
		line, failed := jsonLine(changeOf(row))
		if failed != nil {
			return failed
		}
		if err == nil {
			_, err = io.WriteString(v.app.stdout, sep+escapeJSON(string(bytes.TrimSpace(line))))
		}
		sep = ",\n    "
	}
	if err == nil {
		_, err = io.WriteString(v.app.stdout, "\n  ]\n}\n")
	}
	if err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// The bounds of what is shown as text.
const (
	shownRows  = 20
	shownValue = 60 // characters
)

// text shows the first rows on stdout.
func (v *review) text() error {
	var out strings.Builder
	n := 0
	for row, err := range v.rows {
		if err != nil {
			return err
		}
		if row.Fate.Status != checkpoint.Pending {
			continue
		}
		if n++; n > shownRows {
			break // the others are known by their number
		}
		rowText(&out, row)
	}
	if more := v.run.Info().Counts.Pending - shownRows; more > 0 {
		fmt.Fprintf(&out, "and %d more rows: plan with -o review.xlsx or --json to see them all\n", more)
	}
	if _, err := io.WriteString(v.app.stdout, out.String()); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

func rowText(out *strings.Builder, row pipeline.RowChange) {
	switch row.Action {
	case "create":
		fmt.Fprintf(out, "+ row %d creates %s\n", row.Line, brief(row.Name))
		return
	case "delete":
		fmt.Fprintf(out, "- row %d deletes %s %s\n", row.Line, row.Gsid, brief(row.Name))
		return
	}
	fmt.Fprintf(out, "~ row %d updates %s", row.Line, row.Gsid)
	if row.Name != "" {
		fmt.Fprintf(out, " %s", brief(row.Name))
	}
	out.WriteByte('\n')
	for _, f := range row.Fields {
		old := "(not read)"
		if f.Read {
			old = brief(f.Old)
		}
		fmt.Fprintf(out, "    %s: %s → %s\n", oneLine(f.Field), old, brief(f.New))
	}
	for _, field := range row.Kept {
		fmt.Fprintf(out, "    %s: stays, since it cannot be read\n", oneLine(field))
	}
}

// brief is a value between quotation marks, shortened; (blank) for nothing.
func brief(value string) string {
	value = oneLine(value)
	if value == "" {
		return "(blank)"
	}
	if utf8.RuneCountInString(value) > shownValue {
		value = string([]rune(value)[:shownValue-1]) + "…"
	}
	return "\"" + value + "\""
}

// file writes every change into the file to review, one line a field.
func (v *review) file() error {
	if v.output == "" {
		return nil
	}
	header := writers.Columns("Line", "Action", "Gsid", "Name", "Field", "Old", "New", "Old Read", "Status", "Reason")
	header[0].Kind = writers.Number
	table, err := writers.NewTable(v.output, header, writers.TableOptions{Sheet: "Changes"})
	if err != nil {
		return err
	}
	defer table.Abort()
	for row, err := range v.rows {
		if err != nil {
			return err
		}
		for _, field := range row.Kept {
			if err := table.Write([]string{strconv.Itoa(row.Line), row.Action, row.Gsid, row.Name, field, "", "", "no", "skipped", "it cannot be read, so it stays as it is"}); err != nil {
				return err
			}
		}
		if len(row.Fields) == 0 {
			row.Fields = []pipeline.FieldChange{{}}
		}
		for _, f := range row.Fields {
			read := "no"
			if f.Read {
				read = "yes"
			}
			if err := table.Write([]string{strconv.Itoa(row.Line), row.Action, row.Gsid, row.Name, f.Field, f.Old, f.New, read, string(row.Fate.Status), row.Fate.Reason}); err != nil {
				return err
			}
		}
	}
	if err := table.Commit(); err != nil {
		return err
	}
	if notes, total := table.Notes(); total > 0 {
		v.app.tell("warning: %d cells do not fit into %s, as row %d, column %s: %s\n", total, oneLine(v.output), notes[0].Row, notes[0].Column, oneLine(notes[0].Text))
	}
	return nil
}
