package gsbatch_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gocarina/gocsv"
	"github.com/xuri/excelize/v2"

	"gsbatch/writers"
)

// TestBenchPeer is a contender of the benchmark in a process of its own:
// GSBATCH_BENCH_PEER has its name and arguments, one a line. It prints how many
// rows it saw.
func TestBenchPeer(t *testing.T) {
	args := strings.Split(os.Getenv("GSBATCH_BENCH_PEER"), "\n")
	if args[0] == "" {
		t.Skip("a contender of make bench")
	}
	peers := map[string]func(args []string) (rows int, err error){
		"encoding/csv": readCSV, "gocsv": readGocsv, "post": postLoop, "excelize": readExcelize, "hand scan": scanWorkbook,
		"StreamWriter": writeExcelize, "encoding/csv writing": writePlainCSV, "writers": writeOurs, "input": writeInput,
	}
	rows, err := peers[args[0]](args[1:])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%d rows\n", rows)
}

// openPlainCSV opens a file for encoding/csv at its fastest: one record for all
// rows, and a large buffer.
func openPlainCSV(path string) (*csv.Reader, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	r := csv.NewReader(bufio.NewReaderSize(f, 256<<10))
	r.ReuseRecord = true
	return r, f, nil
}

// readCSV reads the cells and does nothing with them.
func readCSV(args []string) (rows int, err error) {
	r, f, err := openPlainCSV(args[0])
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for ; ; rows++ {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return rows - 1, nil
		} else if err != nil {
			return rows, err
		}
	}
}

// benchGoal is a row as gocsv and encoding/json know it.
type benchGoal struct {
	Name        string `csv:"Name"`
	Status      string `csv:"Status" json:"StatusName"`
	GoalType    string `csv:"Goal Type" json:"GoalTypeName"`
	EntityType  string `csv:"Entity Type"`
	Company     string `csv:"Company" json:"CompanyName"`
	DueDate     string `csv:"Due Date"`
	Description string `csv:"Description"`
	Owner       string `csv:"Owner__gc" json:"Owner__gc"`
	Region      string `csv:"Region__gc" json:"Region__gc"`
	Value       string `csv:"Value__gc" json:"Value__gc"`
	Channel     string `csv:"Channel__gc" json:"Channel__gc"`
	Note        string `csv:"Note__gc" json:"Note__gc"`
}

func readGocsv(args []string) (rows int, err error) {
	f, err := os.Open(args[0])
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = gocsv.UnmarshalToCallback(bufio.NewReaderSize(f, 256<<10), func(benchGoal) { rows++ })
	return rows, err
}

// benchRequest is a create as a plain program would write it.
type benchRequest struct {
	Requests []benchElement         `json:"requests"`
	Lookups  map[string]benchLookup `json:"lookups"`
}

type benchElement struct {
	Record benchGoal `json:"record"`
}

type benchLookup struct {
	Fields           map[string]string `json:"fields"`
	LookupField      string            `json:"lookupField"`
	ObjectName       string            `json:"objectName"`
	MultiMatchOption string            `json:"multiMatchOption"`
	OnNoMatch        string            `json:"onNoMatch"`
}

// postLoop is the bare loop: read a row, POST it, read the Gsid; no check, no
// memory of anything. args: the file, the server, how many workers.
func postLoop(args []string) (rows int, err error) {
	r, f, err := openPlainCSV(args[0])
	if err != nil {
		return 0, err
	}
	defer f.Close()
	workers, err := strconv.Atoi(args[2])
	if err != nil {
		return 0, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	goals, failed := make(chan benchGoal, workers), make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for goal := range goals {
				if err := postGoal(client, args[1]+createPath, &goal); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for ; ; rows++ {
		c, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, err
		}
		if rows == 0 {
			continue
		}
		for i := range c {
			c[i] = strings.Clone(c[i])
		}
		select {
		case goals <- benchGoal{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11]}:
		case err := <-failed:
			return rows, err
		}
	}
	close(goals)
	wg.Wait()
	close(failed)
	return rows - 1, <-failed
}

func postGoal(client *http.Client, url string, goal *benchGoal) error {
	body, err := json.Marshal(benchRequest{Requests: []benchElement{{*goal}}, Lookups: map[string]benchLookup{"CompanyId": {
		Fields: map[string]string{"CompanyName": "Name"}, LookupField: "Gsid", ObjectName: "company", MultiMatchOption: "MARKASERROR", OnNoMatch: "ERROR"}}})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("accesskey", "bench")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Result bool
		Data   struct{ Goal struct{ Gsid string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if !answer.Result || answer.Data.Goal.Gsid == "" {
		return fmt.Errorf("HTTP %d without a goal", resp.StatusCode)
	}
	return nil
}

// readExcelize reads all rows of the first sheet as text, which loses what is
// damaged in silence.
func readExcelize(args []string) (rows int, err error) {
	f, err := excelize.OpenFile(args[0], excelize.Options{RawCellValue: true})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	all, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		return 0, err
	}
	for ; all.Next(); rows++ {
		if _, err := all.Columns(excelize.Options{RawCellValue: true}); err != nil {
			return rows, err
		}
	}
	return rows - 1, all.Close()
}

// scanWorkbook is the ceiling of reading a workbook: one goroutine unpacks, one
// looks for cells by their brackets and checks nothing. It reads only what the
// benchmark writes.
func scanWorkbook(args []string) (rows int, err error) {
	archive, err := zip.OpenReader(args[0])
	if err != nil {
		return 0, err
	}
	defer archive.Close()
	var table []string
	if err := scanPart(&archive.Reader, "xl/sharedStrings.xml", func(text []byte) {
		table = append(table, unescapeXML(text))
	}, nil); err != nil {
		return 0, err
	}
	cells := 0
	err = scanPart(&archive.Reader, "xl/worksheets/sheet1.xml", func(text []byte) {
		if cells++; unescapeXML(text) == "" {
			err = errors.New("an empty cell")
		}
	}, func(value []byte) {
		n := 0
		for _, c := range value {
			n = 10*n + int(c-'0')
		}
		if cells++; table[n] == "" {
			err = errors.New("an empty cell")
		}
	})
	return cells/len(benchHeader()) - 1, err
}

func unescapeXML(text []byte) string {
	if bytes.IndexByte(text, '&') < 0 {
		return string(text)
	}
	return strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`).Replace(string(text))
}

// scanPart calls text for each <t> and value for each <v> of a part.
func scanPart(archive *zip.Reader, name string, text, value func([]byte)) error {
	packed, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer packed.Close()
	blocks, free := make(chan []byte, 3), make(chan []byte, 4)
	for range 4 {
		free <- make([]byte, 256<<10)
	}
	var failed error
	go func() {
		defer close(blocks)
		for {
			block := <-free
			n, err := io.ReadFull(packed, block[:cap(block)])
			blocks <- block[:n]
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					failed = err
				}
				return
			}
		}
	}()
	var rest []byte // the beginning of a cell whose end is in the next block
	for block := range blocks {
		rest = append(rest, block...)
		free <- block
		rest = append(rest[:0], scanCells(rest, text, value)...)
	}
	return failed
}

// scanCells finds the cells of a piece of a part and gives what is behind the last.
func scanCells(piece []byte, text, value func([]byte)) (rest []byte) {
	for {
		at := bytes.IndexByte(piece, '<')
		if at < 0 || at+3 > len(piece) {
			return piece[max(at, 0):]
		}
		do := text
		switch {
		case piece[at+2] != '>' || piece[at+1] != 't' && piece[at+1] != 'v':
			piece = piece[at+1:]
			continue
		case piece[at+1] == 'v':
			do = value
		}
		end := bytes.IndexByte(piece[at+3:], '<')
		if end < 0 {
			return piece[at:]
		}
		do(piece[at+3 : at+3+end])
		piece = piece[at+3+end:]
	}
}

// rowsOf gives so many rows of the input.
func rowsOf(n string, do func(i int, row []string) error) (int, error) {
	rows, err := strconv.Atoi(n)
	row := benchHeader()
	for i := 0; i <= rows && err == nil; i++ {
		err = do(i, row)
		row = benchRow(i+1, row)
	}
	return rows, err
}

// writeExcelize writes a workbook with excelize alone. args: rows, the file.
func writeExcelize(args []string) (int, error) {
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return 0, err
	}
	cells := make([]any, len(benchHeader()))
	rows, err := rowsOf(args[0], func(i int, row []string) error {
		for at, text := range row {
			cells[at] = text
		}
		return w.SetRow("A"+strconv.Itoa(i+1), cells)
	})
	return rows, errors.Join(err, w.Flush(), f.SaveAs(args[1]), f.Close())
}

func writePlainCSV(args []string) (int, error) {
	f, err := os.Create(args[1])
	if err != nil {
		return 0, err
	}
	w := csv.NewWriter(f)
	rows, err := rowsOf(args[0], func(_ int, row []string) error { return w.Write(row) })
	w.Flush()
	return rows, errors.Join(err, w.Error(), f.Close())
}

// writeInput writes an input of the benchmark. args: rows, the file, and shared
// for a workbook with a table of strings.
func writeInput(args []string) (int, error) {
	rows, err := strconv.Atoi(args[0])
	if err != nil {
		return 0, err
	}
	if strings.HasSuffix(args[1], ".xlsx") {
		return rows, writeWorkbook(args[1], rows, len(args) > 2)
	}
	return rows, writeCSV(args[1], rows)
}

// writeOurs writes the same with package writers: guarded, synced, whole or not
// at all.
func writeOurs(args []string) (int, error) {
	table, err := writers.NewTable(args[1], writers.Columns(benchHeader()...), writers.TableOptions{})
	if err != nil {
		return 0, err
	}
	defer table.Abort()
	rows, err := rowsOf(args[0], func(i int, row []string) error {
		if i == 0 {
			return nil
		}
		return table.Write(row)
	})
	if err != nil {
		return rows, err
	}
	return rows, table.Commit()
}
