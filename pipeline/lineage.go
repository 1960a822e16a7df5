package pipeline

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"gsbatch/checkpoint"
	"gsbatch/readers"
)

// lineage gives the cells of a report that comes back as an input the kinds
// they had in the file of its run: a CSV file knows text alone, and a number
// that was sent as one must not come back as text. Rows are found by the
// columns _run and _line of the report.
type lineage struct {
	header        []string
	runAt, lineAt int // indexes of these columns
	folder        *checkpoint.Folder
	known         []string // ids of the runs there are; read once

	id     string // of the run that is open, or was looked for in vain
	run    *checkpoint.Run
	finder *checkpoint.Finder
	from   []int // for each column its index in the run's header, -1 none
}

// newLineage is nil for a table that is no report, or without a folder.
func newLineage(folder *checkpoint.Folder, table *readers.Table) *lineage {
	l := &lineage{folder: folder, header: table.Header()}
	l.runAt, l.lineAt = slices.Index(l.header, "_run"), slices.Index(l.header, "_line")
	if folder == nil || l.runAt < 0 || l.lineAt < 0 || table.Format() != readers.CSV {
		return nil
	}
	return l
}

// restore sets the kinds of the row's cells, if its run is known here.
func (l *lineage) restore(ctx context.Context, row *readers.Row) error {
	if l == nil {
		return nil
	}
	line, err := strconv.Atoi(row.Cells[l.lineAt].Text)
	if err != nil {
		return nil // not a report's row after all
	}
	if id := row.Cells[l.runAt].Text; id != l.id {
		if err := l.open(ctx, id); err != nil {
			return err
		}
	}
	if l.run == nil {
		return nil
	}
	was, err := l.finder.Cells(ctx, line)
	if err == nil && was != nil {
		l.adopt(row.Cells, was)
	}
	return err
}

// open begins to read the run of that id, if it is one of ours.
func (l *lineage) open(ctx context.Context, id string) error {
	if err := l.close(); err != nil {
		return err
	}
	l.id = string([]byte(id)) // the reader uses its memory again
	if l.known == nil {
		infos, err := l.folder.List(ctx)
		if err != nil {
			return err
		}
		l.known = []string{}
		for _, info := range infos {
			l.known = append(l.known, info.ID)
		}
	}
	if !slices.Contains(l.known, id) {
		return nil
	}
	run, err := l.folder.View(ctx, l.id)
	if err != nil {
		return err
	}
	if l.finder, err = run.Finder(ctx); err != nil {
		return errors.Join(err, run.Close())
	}
	l.run, l.from = run, l.from[:0]
	for _, name := range l.header {
		l.from = append(l.from, slices.Index(run.Info().Header, name))
	}
	return nil
}

// adopt takes over kinds: of cells that are as they were, and of numbers and
// truth values that were replaced by others.
func (l *lineage) adopt(cells []readers.Cell, was []checkpoint.Cell) {
	for i := range cells {
		if l.from[i] < 0 || l.from[i] >= len(was) || cells[i].Kind != readers.Text {
			continue
		}
		old := was[l.from[i]]
		kind := readers.Kind(old.Kind)
		_, notNumber := strconv.ParseFloat(cells[i].Text, 64)
		switch {
		case old.Text == cells[i].Text, kind == readers.Number && notNumber == nil,
			kind == readers.Bool && (cells[i].Text == "TRUE" || cells[i].Text == "FALSE"):
			cells[i].Kind = kind
		}
	}
}

func (l *lineage) close() error {
	if l == nil || l.run == nil {
		return nil
	}
	err := l.run.Close()
	l.run = nil
	return err
}
