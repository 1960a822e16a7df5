package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"gsbatch/readers"
)

func newRows(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rows FILE",
		Short:   "Print what the reader sees, one JSON object a row",
		GroupID: groupFiles,
		Long: `Print what the reader sees in FILE, for a puzzling one: one JSON object a row,

  {"line": 2, "sheet": "Goals", "cells": {"Name": "Adopt", "Due Date": "2025-03-04"}}

with the cells in the order of the header. "line" is the row number that Excel
shows, for CSV the record's number. FILE may be - for standard input.`,
		Args: takes(1, 1),
	}
	input := addInputFlags(app, cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error { return runRows(app, args[0], *input) }
	return cmd
}

// runRows prints the rows of a table. What was printed before an error is true.
func runRows(app *App, path string, o readers.Options) (err error) {
	table, err := readers.Open(app.stop, path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	out := bufio.NewWriterSize(app.stdout, 64<<10)
	keys, sheet := rowKeys(table.Header()), jsonText(table.Sheet())
	var line []byte
	for row, err := range table.Rows() {
		if err == nil {
			err = context.Cause(app.stop)
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		line = appendRow(line[:0], row, sheet, keys)
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("stdout: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("stdout: %w", err)
	}
	tellNotices(app, table)
	return nil
}

// rowKeys returns the header as JSON keys with their colon.
func rowKeys(header []string) []string {
	keys := make([]string, len(header))
	for i, name := range header {
		keys[i] = jsonText(name) + ":"
	}
	return keys
}

// appendRow appends a row as one line of JSON.
func appendRow(b []byte, row readers.Row, sheet string, keys []string) []byte {
	b = append(b, `{"line":`...)
	b = strconv.AppendInt(b, int64(row.Line), 10)
	b = append(b, `,"sheet":`...)
	b = append(b, sheet...)
	b = append(b, `,"cells":{`...)
	for i, cell := range row.Cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, keys[i]...)
		b = appendJSONText(b, cell.Text)
	}
	return append(b, "}}\n"...)
}
