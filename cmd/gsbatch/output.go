package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// schemaVersion is the version of the JSON objects on stdout.
const schemaVersion = 1

// emit writes v, which encodes as a JSON object, to stdout: one object, with
// schema_version first, indented on a terminal.
func (app *App) emit(v any) error {
	body, err := jsonLine(v)
	if err != nil {
		return err
	}
	body = bytes.TrimSpace(body)
	if len(body) < 2 || body[0] != '{' {
		return fmt.Errorf("encode JSON: %T is no object", v)
	}
	head := fmt.Sprintf(`{"schema_version":%d`, schemaVersion)
	if app.emulated && !bytes.Contains(body, []byte(`"emulated":`)) {
		head += `,"emulated":true`
	}
	if body[1] != '}' {
		head += ","
	}
	object := escapeJSON(head + string(body[1:]))
	if app.outTTY {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, []byte(object), "", "  "); err == nil {
			object = pretty.String()
		}
	}
	app.emitted = true
	if _, err := io.WriteString(app.stdout, object+"\n"); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	return nil
}

// escapeJSON escapes in JSON text what would harm a terminal; it can only
// stand inside strings, where \u is understood.
func escapeJSON(s string) string {
	if strings.IndexFunc(s, harmful) < 0 {
		return s
	}
	out := make([]byte, 0, len(s)+16)
	for _, r := range s {
		if harmful(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// jsonText returns s as a JSON string that does no harm on a terminal.
func jsonText(s string) string { return string(appendJSONText(nil, s)) }

// appendJSONText appends s as a JSON string that does no harm on a terminal.
// Bytes that are no UTF-8 become the replacement character.
func appendJSONText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case harmful(r):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// table collects rows of cells and writes them as aligned columns.
type table struct {
	rows  [][]string
	right map[int]bool // columns of figures
}

// newTable returns a table with a head; figures are the indexes of the columns
// that are aligned to the right.
func newTable(head []string, figures ...int) *table {
	t := &table{right: make(map[int]bool)}
	for _, column := range figures {
		t.right[column] = true
	}
	t.add(head...)
	return t
}

// add appends a row. Cells may be hostile: they are kept on their line.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = oneLine(cell)
	}
	t.rows = append(t.rows, row)
}

// write writes the table with two blanks between columns and none at the end
// of a line.
func (t *table) write(w io.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	var text strings.Builder
	for _, row := range t.rows {
		text.WriteString(strings.TrimRight(t.line(row, widths), " ") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (t *table) line(row []string, widths []int) string {
	cells := make([]string, len(row))
	for i, cell := range row {
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
		if t.right[i] {
			cells[i] = pad + cell
		} else {
			cells[i] = cell + pad
		}
	}
	return strings.Join(cells, "  ")
}
