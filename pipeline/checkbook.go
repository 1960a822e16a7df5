package pipeline

import (
	"context"
	"errors"

	"gsbatch/checkpoint"
	"gsbatch/readers"
	"gsbatch/validate"
	"gsbatch/writers"
)

// CheckBookConfig says where the workbook of a check goes.
type CheckBookConfig struct {
	Dir    string // of errors.xlsx
	SHA256 string // of the file of the source
	// Again gives the source once more, with a checker that has seen no row.
	Again func() (Source, error)
}

// CheckBook is Check that remembers what is wrong with the rows of a workbook;
// where some are invalid, write writes errors.xlsx for it, as Report does. Of
// other tables write is nil.
func CheckBook(ctx context.Context, src Source, progress func(rows int64), cfg CheckBookConfig) (found Findings, write func() (Reported, error), err error) {
	book := WorkbookOf(src.Table, src.Checker, cfg.SHA256)
	if book == nil {
		found, err = Check(ctx, src, progress)
		return found, nil, err
	}
	var rows []writers.MarkedRow
	found, err = src.checkAll(ctx, progress, func(seq int64, line int, planned bool, problems []validate.Problem) {
		if book.Cells = seq * int64(len(book.Columns)); book.Cells > maxCopiedCells {
			rows = nil // a walk of its own will tell
			return
		}
		marked := writers.MarkedRow{Row: line}
		if !planned {
			checkedMarks(&marked, problems)
		}
		rows = append(rows, marked)
	})
	return found, func() (Reported, error) {
		return writeChecked(ctx, src, cfg, book, found.Counts.Invalid, rows)
	}, err
}

// checkedMarks are those of a row's problems.
func checkedMarks(row *writers.MarkedRow, problems []validate.Problem) {
	for _, p := range problems {
		if !p.Warning {
			addProblem(row, p.Column, p.Message, p.Mend)
		}
	}
}

func writeChecked(ctx context.Context, src Source, cfg CheckBookConfig, workbook *checkpoint.Workbook, invalid int, rows []writers.MarkedRow) (Reported, error) {
	var out Reported
	book := markedBook{dir: cfg.Dir, options: writers.FileOptions{Root: cfg.Dir}, path: src.Table.Path(), sheet: src.Table.Sheet(),
		header: src.Table.Header(), workbook: workbook, checked: true}
	if invalid == 0 {
		return out, removeBooks(cfg.Dir, "", book.options)
	}
	path, notice, err := book.write(ctx, func(yield func(writers.MarkedRow, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, func(yield func(failedRow, error) bool) {
		if err := checkedFailures(ctx, cfg, yield); err != nil && !errors.Is(err, errEnough) {
			yield(failedRow{}, err)
		}
	})
	if err == nil {
		out.Files = []string{path}
	}
	if notice != "" {
		out.Notices = []string{notice}
	}
	return out, err
}

// errEnough ends a walk whose rows nobody wants any longer.
var errEnough = errors.New("enough rows")

// checkedFailures walks over the source once more for its invalid rows.
func checkedFailures(ctx context.Context, cfg CheckBookConfig, yield func(failedRow, error) bool) error {
	src, err := cfg.Again()
	if err != nil {
		return err
	}
	r := reporter{}
	_, err = src.walk(ctx, nil, func(_ int64, row *readers.Row, op *validate.Operation, problems []validate.Problem) error {
		var marked writers.MarkedRow
		if checkedMarks(&marked, problems); op != nil || marked.Problem == "" {
			return nil
		}
		line := checkpoint.Line{Line: row.Line, Fate: *invalidFate(problems)}
		for _, c := range row.Cells {
			line.Cells = append(line.Cells, checkpoint.Cell{Text: c.Text, Kind: uint8(c.Kind)})
		}
		r.take(&line)
		if !yield(failedRow{r.cells, writers.Look{Kinds: r.kinds, Bad: marked.Bad}, resultOf("", &line)}, nil) {
			return errEnough
		}
		return nil
	})
	return err
}
