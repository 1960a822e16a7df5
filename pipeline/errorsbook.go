package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// errorsBook is the name of the marked workbook without its extension.
const errorsBook = "errors"

// maxCopiedCells is from how many cells on the rows with errors get a workbook
// of their own in place of a copy of the user's.
const maxCopiedCells = 200_000

// writeErrors writes the workbook to be mended where rows of a workbook have errors.
func (r *reporter) writeErrors(ctx context.Context) error {
	info := r.run.Info()
	if r.tables[errorsFile] == nil || info.Input.Format != string(readers.XLSX) {
		return removeBooks(r.dir, "", r.options)
	}
	book := markedBook{dir: r.dir, options: r.options, path: info.Input.Path, sheet: info.Input.Sheet, header: info.Header, workbook: info.Input.Workbook}
	counts := info.Counts
	book.done = counts.Created+counts.Updated+counts.Unchanged > 0 || info.Parent != ""
	path, notice, err := book.write(ctx, marks(ctx, r.run), func(yield func(failedRow, error) bool) { r.failures(ctx, yield) })
	if err != nil {
		return err
	}
	r.Files, r.Copy = append(r.Files, path), notice == ""
	if notice != "" {
		r.Notices = append(r.Notices, notice)
	}
	return nil
}

// removeBooks removes what an earlier report left of the marked workbook, but
// for the file kept.
func removeBooks(dir, kept string, o writers.FileOptions) error {
	for _, ext := range []string{".xlsx", ".xlsm"} {
		if path := filepath.Join(dir, errorsBook+ext); path != kept {
			if err := writers.Remove(path, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// markedBook is a workbook to be mended, about to be written: a copy of the
// user's own or, where that cannot be, one of the rows with errors.
type markedBook struct {
	dir      string
	options  writers.FileOptions
	path     string // of the user's workbook
	sheet    string
	header   []string
	workbook *checkpoint.Workbook // nil: unknown
	done     bool                 // some row has a Gsid to be filled in
	checked  bool                 // by a check, which has no run
}

// failedRow is a row with errors, for a workbook of its own.
type failedRow struct {
	cells  []string
	look   writers.Look
	result writers.Result
}

// write gives the path of the workbook, and a notice where it is no copy.
func (b *markedBook) write(ctx context.Context, rows iter.Seq2[writers.MarkedRow, error], failed iter.Seq2[failedRow, error]) (path, notice string, err error) {
	path, why, err := b.copy(ctx, rows)
	if err == nil && why != "" {
		notice = "errors.xlsx has the rows with errors alone: " + why
		path, err = b.ofFailures(failed)
	}
	if err == nil {
		err = removeBooks(b.dir, path, b.options)
	}
	return path, notice, err
}

// copy writes a marked copy of the user's workbook, or says why there is none.
func (b *markedBook) copy(ctx context.Context, rows iter.Seq2[writers.MarkedRow, error]) (path, why string, err error) {
	switch {
	case b.workbook == nil:
		return "", "where its rows are in the workbook is not known", nil
	case b.workbook.Cells > maxCopiedCells:
		return "", fmt.Sprintf("the workbook has more than %d cells", maxCopiedCells), nil
	case b.path == "-":
		return "", "the workbook was read from standard input, which is not kept", nil
	}
	original, err := readers.OpenOriginal(ctx, b.path, b.workbook.SHA256)
	if gone, ok := errors.AsType[*readers.Error](err); ok {
		return "", gone.Error(), nil
	}
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, original.Close()) }()
	path, err = writers.MarkBook(filepath.Join(b.dir, errorsBook), writers.MarkOptions{
		FileOptions: b.options, Source: original, Size: original.Size(), Sheet: b.sheet, HeaderRow: b.workbook.HeaderRow, Header: b.header,
		Columns: b.workbook.Columns, Gsid: slices.IndexFunc(b.workbook.Fields, func(f string) bool { return strings.EqualFold(f, "Gsid") }), FillGsid: b.done, Checked: b.checked, Check: original.Unchanged,
	}, rows)
	if why := writers.NotMarkable(err); why != "" {
		return "", "the workbook cannot be copied with marks: " + why, nil
	}
	if damaged, ok := errors.AsType[*readers.Error](err); ok {
		return "", damaged.Error(), nil
	}
	return path, "", err
}

// ofFailures streams a workbook of the rows with errors.
func (b *markedBook) ofFailures(failed iter.Seq2[failedRow, error]) (string, error) {
	path := filepath.Join(b.dir, errorsBook+".xlsx")
	table, err := writers.NewReport(path, b.header, writers.ReportOptions{FileOptions: b.options, Sheet: b.sheet})
	if err != nil {
		return "", err
	}
	defer table.Abort()
	for row, err := range failed {
		if err == nil {
			err = table.WriteLook(row.cells, row.look, row.result)
		}
		if err != nil {
			return "", err
		}
	}
	return path, table.Commit()
}

// marks yields what the copy says of each row of a run and, of a retry, of the
// rows that only the runs before it have.
func marks(ctx context.Context, run *checkpoint.Run) iter.Seq2[writers.MarkedRow, error] {
	return func(yield func(writers.MarkedRow, error) bool) {
		parent, err := run.OpenParent(ctx)
		switch {
		case err != nil:
			yield(writers.MarkedRow{}, err)
		case parent == nil:
			marksOf(ctx, run)(yield)
		default:
			defer parent.Close() //nolint:errcheck // read only
			merge(marksOf(ctx, run), marks(ctx, parent))(yield)
		}
	}
}

// merge yields the rows of both, by their numbers; of a row that both have, the first's.
func merge(first, second iter.Seq2[writers.MarkedRow, error]) iter.Seq2[writers.MarkedRow, error] {
	return func(yield func(writers.MarkedRow, error) bool) {
		next, stop := iter.Pull2(first)
		defer stop()
		row, err, more := next()
		for other, failed := range second {
			for more && err == nil && row.Row < other.Row {
				if !yield(row, nil) {
					return
				}
				row, err, more = next()
			}
			if more && row.Row == other.Row {
				continue
			}
			if failed = errors.Join(err, failed); !yield(other, failed) || failed != nil {
				return
			}
		}
		for ; more; row, err, more = next() {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// marksOf yields what the copy says of each row of one run.
func marksOf(ctx context.Context, run *checkpoint.Run) iter.Seq2[writers.MarkedRow, error] {
	return func(yield func(writers.MarkedRow, error) bool) {
		problems, err := run.ProblemReader(ctx)
		if err != nil {
			yield(writers.MarkedRow{}, err)
			return
		}
		defer problems.Close()
		for line, err := range run.Lines(ctx) {
			var row writers.MarkedRow
			if err == nil {
				row, err = markOf(run.Info(), &line, problems)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// failures yields the rows of the run that have errors.
func (r *reporter) failures(ctx context.Context, yield func(failedRow, error) bool) {
	problems, err := r.run.ProblemReader(ctx)
	if err != nil {
		yield(failedRow{}, err)
		return
	}
	defer problems.Close()
	for line, err := range r.run.Lines(ctx) {
		if err == nil && fileOf(line.Fate.Status) != errorsFile {
			continue
		}
		var row failedRow
		if err == nil {
			row, err = r.failure(&line, problems)
		}
		if !yield(row, err) || err != nil {
			return
		}
	}
}

func (r *reporter) failure(line *checkpoint.Line, problems *checkpoint.ProblemReader) (failedRow, error) {
	r.take(line)
	marked, err := markOf(r.run.Info(), line, problems)
	return failedRow{r.cells, writers.Look{Kinds: r.kinds, Bad: marked.Bad}, resultOf(r.id, line)}, err
}

// markOf is what is to be said of one row.
func markOf(info checkpoint.Info, line *checkpoint.Line, problems *checkpoint.ProblemReader) (writers.MarkedRow, error) {
	row := writers.MarkedRow{Row: line.Line, Status: string(line.Fate.Status), Run: info.ID}
	var fields []string
	if info.Input.Workbook != nil {
		fields = info.Input.Workbook.Fields
	}
	switch line.Fate.Status {
	case checkpoint.Created, checkpoint.Updated, checkpoint.Unchanged:
		row.Gsid = line.Fate.Gsid
	case checkpoint.Rejected:
		text := "rejected by the tenant: " + strings.TrimSpace(line.Fate.Code+" "+line.Fate.Reason)
		row.Problem = text
		row.Bad = []writers.BadCell{{Column: blamed(fields, &line.Fate), Note: text}}
	case checkpoint.Invalid:
		found, err := problems.Of(line.Seq)
		if err != nil {
			return row, err
		}
		for _, p := range found {
			if !p.Warning {
				addProblem(&row, columnOf(fields, p.Field), p.Message, p.Mend)
			}
		}
		if row.Problem == "" { // found after the plan was made
			row.Problem = line.Fate.Reason
			row.Bad = []writers.BadCell{{Column: columnOf(fields, line.Fate.Field), Note: line.Fate.Reason}}
		}
	}
	return row, nil
}

// addProblem adds a problem to what is said of a row.
func addProblem(row *writers.MarkedRow, column int, message, mend string) {
	text, note := message, message
	if mend != "" {
		text, note = text+"; "+mend, note+"\n"+mend
	}
	if row.Problem != "" {
		row.Problem += " | "
	}
	row.Problem += text
	row.Bad = append(row.Bad, writers.BadCell{Column: column, Note: note})
}

// columnOf is the column of a field, -1 for none: the field itself, or the one
// that names the same thing by its id or by its name.
func columnOf(fields []string, field string) int {
	if field == "" {
		return -1
	}
	if i := slices.IndexFunc(fields, func(f string) bool { return strings.EqualFold(f, field) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(fields, func(f string) bool { return f != "" && strings.EqualFold(stem(f), stem(field)) })
}

// blamed is the column that a rejection is about, -1 where that cannot be told:
// the server says it in its words alone, or by its code.
func blamed(fields []string, fate *checkpoint.Fate) int {
	if fate.Field != "" {
		return columnOf(fields, fate.Field)
	}
	if strings.HasSuffix(fate.Code, "8010") {
		return columnOf(fields, "StatusName")
	}
	words := strings.FieldsFunc(fate.Reason, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		api := unicode.IsUpper([]rune(word)[0]) || strings.Contains(word, "__")
		if column := columnOf(fields, word); api && column >= 0 {
			return column
		}
	}
	return -1
}

// stem is a field without what says that it is an id or a name.
func stem(field string) string {
	if short := strings.TrimSuffix(strings.TrimSuffix(field, "Id"), "Name"); short != "" {
		return short
	}
	return field
}

// WorkbookOf is where the rows of a table are in its workbook, nil for other
// tables. sha256 is that of the file.
func WorkbookOf(table *readers.Table, checker *validate.Checker, sha256 string) *checkpoint.Workbook {
	if table.Format() != readers.XLSX {
		return nil
	}
	w := &checkpoint.Workbook{SHA256: sha256, HeaderRow: table.HeaderPlace(0).Line, Fields: FieldsOf(table, checker)}
	for i := range table.Header() {
		w.Columns = append(w.Columns, table.SheetColumn(i))
	}
	return w
}

// FieldsOf is the API field of each column of a table, "" where it has none.
func FieldsOf(table *readers.Table, checker *validate.Checker) []string {
	fields := make([]string, len(table.Header()))
	for _, c := range checker.Columns() {
		if c.Index >= 0 && (c.Use == validate.Sent || c.Use == validate.Compared || c.Use == validate.Noticed) {
			fields[c.Index] = c.Field
		}
	}
	return fields
}
