package readers_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/xuri/excelize/v2"

	"gsbatch/readers"
)

const benchRows = 20000

// benchCSV writes n rows of twelve columns, about 440 bytes a row.
func benchCSV(tb testing.TB, n int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "bench.csv")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "Name,Status,Type,Company,Due,Description,CTA,SP,Owner,Region,Value,Note")
	for i := range n {
		fmt.Fprintf(w, "Goal %d of the year,On Track,Adoption,Company Number %d Ltd,2025-03-04,\"Raise the weekly active users, by team, from %d to %d; see the plan of the quarter and the notes of the last review\",1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J,1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B,owner%d@example.com,EMEA,%d.%d,the quick brown fox jumps over the lazy dog and goes on to fill up this last column of the row with text\n", i, i%999, i, i+10, i%50, i, i%100)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// benchXLSX writes n rows of twelve columns, numbers, dates and texts.
func benchXLSX(tb testing.TB, n int) string {
	tb.Helper()
	f := excelize.NewFile()
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		tb.Fatal(err)
	}
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		tb.Fatal(err)
	}
	var row []any
	for c := range 12 {
		row = append(row, fmt.Sprintf("Column %d", c))
	}
	for i := range n + 1 {
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			tb.Fatal(err)
		}
		row = []any{
			fmt.Sprintf("Goal %d of the year", i), "On Track", "Adoption", fmt.Sprintf("Company %d", i%999),
			excelize.Cell{StyleID: date, Value: 45000 + i%1000}, "Raise the weekly active users by team, see the plan",
			i, float64(i) / 7, true, "EMEA", nil, "note",
		}
	}
	path := filepath.Join(tb.TempDir(), "bench.xlsx")
	if err := errors.Join(w.Flush(), f.SaveAs(path), f.Close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

// benchTable reads all rows, with Open where the benchmark says so.
func benchTable(b *testing.B, path string, n int) {
	for b.Loop() {
		table, err := readers.Open(context.Background(), path, readers.Options{})
		if err != nil {
			b.Fatal(err)
		}
		got := 0
		for _, err := range table.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			got++
		}
		if err := table.Close(); err != nil || got != n {
			b.Fatalf("%d rows, want %d; error %v", got, n, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func setSize(b *testing.B, path string) {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
}

func BenchmarkCSV(b *testing.B) {
	path := benchCSV(b, benchRows)
	setSize(b, path)
	benchTable(b, path, benchRows)
}

func BenchmarkCSVRows(b *testing.B) {
	path := benchCSV(b, benchRows)
	setSize(b, path)
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer table.Close()
	for b.Loop() {
		for _, err := range table.Rows() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkCSVBlocks reads the rows in blocks, on one processor.
func BenchmarkCSVBlocks(b *testing.B) {
	path := benchCSV(b, benchRows)
	setSize(b, path)
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer table.Close()
	for b.Loop() {
		blocks, err := table.Blocks()
		if err != nil {
			b.Fatal(err)
		}
		for {
			block, err := blocks.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range block.Rows() {
				if err != nil {
					b.Fatal(err)
				}
			}
			blocks.Settle(block)
			if err := blocks.Done(block); err != nil {
				b.Fatal(err)
			}
		}
		if err := blocks.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodingCSV(b *testing.B) {
	path := benchCSV(b, benchRows)
	setSize(b, path)
	for b.Loop() {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		r := csv.NewReader(bufio.NewReaderSize(f, 256<<10))
		r.ReuseRecord = true
		for {
			if _, err := r.Read(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkXLSX(b *testing.B) {
	benchTable(b, benchXLSX(b, benchRows), benchRows)
}

func BenchmarkExcelizeRows(b *testing.B) {
	path := benchXLSX(b, benchRows)
	for b.Loop() {
		f, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true})
		if err != nil {
			b.Fatal(err)
		}
		rows, err := f.Rows("Sheet1")
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
			if _, err := rows.Columns(excelize.Options{RawCellValue: true}); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(rows.Close(), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
