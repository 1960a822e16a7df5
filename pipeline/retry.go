package pipeline

import (
	"context"
	"iter"
	"path/filepath"

	"gsbatch/checkpoint"
	"gsbatch/readers"
)

// RetryTable is a table of the run's rejected and invalid rows, as they were
// read. The run must stay open while the table is used.
func RetryTable(ctx context.Context, run *checkpoint.Run) *readers.Table {
	info := run.Info()
	return readers.Stored{
		Name: filepath.Base(info.Input.Path), Format: readers.Format(info.Input.Format), Sheet: info.Input.Sheet,
		Date1904: info.Input.Date1904, Header: info.Header,
		Rows: func() iter.Seq2[readers.Row, error] {
			return func(yield func(readers.Row, error) bool) {
				var row readers.Row
				for line, err := range run.Lines(ctx) {
					if err != nil {
						yield(row, err)
						return
					}
					if line.Fate.Status != checkpoint.Rejected && line.Fate.Status != checkpoint.Invalid {
						continue
					}
					row.Line, row.Cells = line.Line, row.Cells[:0]
					for _, c := range line.Cells {
						row.Cells = append(row.Cells, readers.Cell{Text: c.Text, Kind: readers.Kind(c.Kind)})
					}
					if !yield(row, nil) {
						return
					}
				}
			}
		},
	}.Table()
}
