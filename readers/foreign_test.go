package readers_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"gsbatch/readers"
)

// sample is a file of another project.
type sample struct {
	project, name, path string
}

// verdicts counts what became of the samples of one project.
type verdicts struct{ files, same, refused int }

// TestSamplesOfOtherProjects reads the sample files of other readers: each
// gives the rows that an independent reader sees (csv-spectrum's own JSON, Papa
// Parse, excelize), or an error that tells its place. GSBATCH_SAMPLES=1 has
// npm, go and apt fetch them; what they do not have is told. A folder named by
// GSBATCH_XLSX2CSV stands for that package's test folder.
func TestSamplesOfOtherProjects(t *testing.T) {
	if os.Getenv("GSBATCH_SAMPLES") == "" {
		t.Skip("fetches packages; GSBATCH_SAMPLES=1 does it")
	}
	figures := map[string]*verdicts{}
	var missing []string
	dir := t.TempDir()
	for _, of := range []struct {
		project string
		check   func(t *testing.T, dir string, figures *verdicts) error
	}{
		{"csv-spectrum", csvSpectrum}, {"papaparse", papaParse},
		{"excelize", goModule("github.com/xuri/excelize/v2@v2.11.1", "test")},
		{"tealeg/xlsx", goModule("github.com/tealeg/xlsx/v3@v3.3.13", "testdocs")},
		{"xlsxreader", goModule("github.com/thedatashed/xlsxreader@v1.2.8", "test")},
		{"xlsx2csv", debianSource("xlsx2csv", "test")},
	} {
		figures[of.project] = &verdicts{}
		folder := filepath.Join(dir, filepath.Base(of.project))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := of.check(t, folder, figures[of.project]); err != nil {
			t.Logf("the samples of %s are not to be had: %v", of.project, err)
			missing = append(missing, of.project)
			continue
		}
		f := figures[of.project]
		t.Logf("promise R8: %s: %d sample tables, %d with the same rows, %d refused with a reason", of.project, f.files, f.same, f.refused)
	}
	if len(missing) > 0 {
		t.Logf("promise R8: not to be had here: the samples of %s", strings.Join(missing, ", "))
	}
}

// tool runs a program in dir, for two minutes at most.
func tool(dir, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%s: %w: %s", name, err, lastLine(string(failed.Stderr)))
	}
	return out, err
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// npmPackage fetches and unpacks a package.
func npmPackage(dir, name string) error {
	out, err := tool(dir, "npm", "pack", "--silent", name)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, lastLine(string(out))))
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for files := tar.NewReader(unzipped); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(head.Name) || head.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, head.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600)); err != nil {
			return err
		}
	}
}

// csvSpectrum holds its CSV files against the JSON beside them.
func csvSpectrum(t *testing.T, dir string, figures *verdicts) error {
	t.Helper()
	if err := npmPackage(dir, "csv-spectrum@2.0.0"); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "package", "csvs", "*.csv"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("the package has no csvs"))
	}
	for _, path := range files {
		text, err := os.ReadFile(filepath.Join(dir, "package", "json", strings.TrimSuffix(filepath.Base(path), ".csv")+".json"))
		if err != nil {
			return err
		}
		var want []map[string]string
		if !strings.HasPrefix(string(text), "[") { // of one row
			text = []byte("[" + string(text) + "]")
		}
		if err := json.Unmarshal(text, &want); err != nil {
			return err
		}
		figures.compare(t, sample{"csv-spectrum", filepath.Base(path), path}, readers.Options{}, func(header []string, rows [][]string, _ rune) string {
			if len(rows) != len(want) {
				return fmt.Sprintf("%d rows, want %d", len(rows), len(want))
			}
			for i, row := range rows {
				got := map[string]string{}
				for c, text := range row {
					got[header[c]] = text
				}
				if fmt.Sprint(got) != fmt.Sprint(want[i]) {
					return fmt.Sprintf("row %d: %q, want %q", i+1, got, want[i])
				}
			}
			return ""
		})
	}
	return nil
}

// compare opens a sample and has its rows judged: told is "" where they are right.
func (v *verdicts) compare(t *testing.T, s sample, o readers.Options, judge func(header []string, rows [][]string, delimiter rune) (told string)) {
	t.Helper()
	v.files++
	header, rows, delimiter, err := readAll(s.path, o)
	var refusal *readers.Error
	switch {
	case errors.As(err, &refusal):
		if refusal.What == "" || refusal.Mend == "" || !strings.Contains(err.Error(), filepath.Base(s.path)) {
			t.Errorf("%s: %s: refused without place, reason or mend: %v", s.project, s.name, err)
		}
		t.Logf("%s: %s: refused: %v", s.project, s.name, err)
		v.refused++
		return
	case err != nil:
		t.Errorf("%s: %s: %v", s.project, s.name, err)
		return
	}
	if told := judge(header, rows, delimiter); told != "" {
		t.Errorf("%s: %s: %s", s.project, s.name, told)
		return
	}
	v.same++
}

// readAll reads a table whole.
func readAll(path string, o readers.Options) (header []string, rows [][]string, delimiter rune, err error) {
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		return nil, nil, 0, err
	}
	defer table.Close()
	for row, err := range table.Rows() {
		if err != nil {
			return nil, nil, 0, err
		}
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, strings.Clone(cell.Text))
		}
		rows = append(rows, cells)
	}
	return table.Header(), rows, table.Delimiter(), nil
}

// papaCases is a program that prints the inputs of Papa Parse's own tests, and
// what it reads of each with every delimiter.
const papaCases = `
const fs = require('fs'), vm = require('vm'), Papa = require('./package/papaparse.js');
const source = fs.readFileSync('package/tests/test-cases.js', 'utf8').replace(/^[\s\S]*?var assert = chai.assert;/, '');
const none = () => {}; none.skip = none;
const world = vm.createContext({describe: none, it: none, Papa, assert: {}, console});
vm.runInContext(source + ';this.cases = [...CORE_PARSER_TESTS, ...PARSE_TESTS]', world);
const inputs = world.cases.filter(c => typeof c.input === 'string').map(c => [c.description, c.input]);
for (const name of fs.readdirSync('package/tests').filter(n => n.endsWith('.csv')))
	inputs.push([name, fs.readFileSync('package/tests/' + name, 'utf8').replace(/^\ufeff/, '')]);
console.log(JSON.stringify(inputs.map(([name, input]) => ({name, input,
	rows: Object.fromEntries([',', ';', '\t', '|'].map(delimiter => [delimiter, Papa.parse(input, {delimiter}).data]))}))));
`

// papaParse holds the inputs of its tests against what it reads of them itself.
func papaParse(t *testing.T, dir string, figures *verdicts) error {
	t.Helper()
	if err := npmPackage(dir, "papaparse@5.7.1"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.js"), []byte(papaCases), 0o600); err != nil {
		return err
	}
	out, err := tool(dir, "node", "cases.js")
	if err != nil {
		return err
	}
	var cases []struct {
		Name, Input string
		Rows        map[string][][]string
	}
	if err := json.Unmarshal(out, &cases); err != nil {
		return err
	}
	for i, c := range cases {
		path := filepath.Join(dir, fmt.Sprintf("case-%d.csv", i))
		if err := os.WriteFile(path, []byte(c.Input), 0o600); err != nil {
			return err
		}
		figures.compare(t, sample{"papaparse", fmt.Sprintf("%s %.60q", c.Name, c.Input), path}, readers.Options{Format: readers.CSV},
			func(header []string, rows [][]string, delimiter rune) string {
				return sameRows(append([][]string{header}, rows...), c.Rows[string(delimiter)])
			})
	}
	return nil
}

// sameRows tells where rows differ, those without any text left aside, as are
// columns without a header, white space around headers, and a carriage return
// that the other reader leaves before a line's end.
func sameRows(got, want [][]string) string {
	got, want = withText(got), withText(underHeaders(want))
	for i := range min(len(got), len(want)) {
		if !slices.EqualFunc(got[i], want[i], func(a, b string) bool {
			return a == b || i == 0 && strings.TrimSpace(a) == strings.TrimSpace(b)
		}) {
			return fmt.Sprintf("row %d: %q, the other reader has %q", i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d rows, the other reader has %d", len(got), len(want))
	}
	return ""
}

func underHeaders(rows [][]string) (under [][]string) {
	rows = withText(rows)
	for _, row := range rows {
		var cells []string
		for c, text := range row {
			if c < len(rows[0]) && strings.TrimSpace(rows[0][c]) != "" {
				cells = append(cells, strings.TrimSuffix(text, "\r"))
			}
		}
		under = append(under, cells)
	}
	return under
}

func withText(rows [][]string) (with [][]string) {
	for _, row := range rows {
		n := len(row)
		for n > 0 && strings.TrimSpace(row[n-1]) == "" {
			n--
		}
		if n > 0 {
			with = append(with, row[:n])
		}
	}
	return with
}

// goModule checks the workbooks in a folder of a module.
func goModule(module, folder string) func(t *testing.T, dir string, figures *verdicts) error {
	return func(t *testing.T, dir string, figures *verdicts) error {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module samples\n"), 0o600); err != nil {
			return err
		}
		out, err := tool(dir, "go", "mod", "download", "-json", module)
		if err != nil {
			return err
		}
		var downloaded struct{ Dir string }
		if err := json.Unmarshal(out, &downloaded); err != nil {
			return err
		}
		return figures.workbooks(t, module, filepath.Join(downloaded.Dir, folder))
	}
}

// debianSource checks the workbooks in a folder of a source package of Debian,
// whose lists are fetched beside those of the machine.
func debianSource(name, folder string) func(t *testing.T, dir string, figures *verdicts) error {
	return func(t *testing.T, dir string, figures *verdicts) error {
		t.Helper()
		if here := os.Getenv("GSBATCH_" + strings.ToUpper(name)); here != "" {
			return figures.workbooks(t, name, here)
		}
		own := []string{"-o", "Dir::Etc::sourcelist=" + filepath.Join(dir, "sources"), "-o", "Dir::Etc::sourceparts=/dev/null",
			"-o", "Dir::State::lists=" + filepath.Join(dir, "lists"), "-o", "APT::Sandbox::User=root"}
		err := errors.Join(os.MkdirAll(filepath.Join(dir, "lists", "partial"), 0o700),
			os.WriteFile(filepath.Join(dir, "sources"), []byte("deb-src http://deb.debian.org/debian stable main\n"), 0o600))
		if err != nil {
			return err
		}
		if _, err := tool(dir, "apt-get", append(own, "update")...); err != nil {
			return err
		}
		if _, err := tool(dir, "apt-get", append(own, "source", name)...); err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(dir, name+"-*", folder))
		if err != nil || len(found) == 0 {
			return errors.Join(err, errors.New("the package has no folder "+folder))
		}
		return figures.workbooks(t, name, found[0])
	}
}

// workbooks checks every workbook of a folder, sheet by sheet.
func (v *verdicts) workbooks(t *testing.T, project, folder string) error {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.xls[xm]"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no workbooks are in "+folder))
	}
	for _, path := range files {
		v.workbook(t, sample{project, filepath.Base(path), path})
	}
	return nil
}

func (v *verdicts) workbook(t *testing.T, s sample) {
	t.Helper()
	f, err := excelize.OpenFile(s.path, excelize.Options{RawCellValue: true})
	if err != nil { // nothing to compare with
		v.compare(t, s, readers.Options{}, func([]string, [][]string, rune) string {
			return "is read, and excelize refuses it: " + err.Error()
		})
		return
	}
	defer f.Close()
	for _, sheet := range f.GetSheetList() {
		here, o := s, underHeader(s.path, sheet)
		here.name += " " + sheet
		v.compare(t, here, o, func([]string, [][]string, rune) string { return asExcelize(s.path, o, f) })
	}
}

// underHeader are the options that read a sheet of which some row can be the
// header: many samples are no tables with a header on top.
func underHeader(path, sheet string) readers.Options {
	for row := range 12 {
		o := readers.Options{Sheet: sheet, HeaderRow: row}
		switch _, _, _, err := readAll(path, o); {
		case err == nil:
			return o
		case !errors.Is(err, readers.ErrNotTable) && !errors.Is(err, readers.ErrRow):
			return readers.Options{Sheet: sheet}
		}
	}
	return readers.Options{Sheet: sheet}
}

// asExcelize tells where the cells of a sheet are not as excelize has them, or
// a row with text below the header is not read.
func asExcelize(path string, o readers.Options, f *excelize.File) string {
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		return err.Error()
	}
	defer table.Close()
	all, err := f.GetRows(o.Sheet)
	if err != nil {
		return err.Error()
	}
	read := map[string]bool{}
	first := table.HeaderPlace(0).Line
	for row, err := range table.Rows() {
		if err != nil {
			return err.Error()
		}
		for i, cell := range row.Cells {
			name := row.Place(i).Cell
			read[name] = true
			var want string // GetCellValue would give merged cells the text of their first
			if c, r, err := excelize.CellNameToCoordinates(name); err == nil && r <= len(all) && c <= len(all[r-1]) {
				want = all[r-1][c-1]
			}
			if !sameValue(cell.Kind, cell.Text, want) && !sameShown(cell.Text, want, table.Date1904()) {
				return fmt.Sprintf("%s: %q of kind %d, excelize reads %q", name, cell.Text, cell.Kind, want)
			}
		}
	}
	for i, cells := range all {
		for c, text := range cells {
			name, _ := excelize.CoordinatesToCellName(c+1, i+1)
			if i+1 > first && strings.TrimSpace(text) != "" && !read[name] {
				return fmt.Sprintf("%s was not read: %q", name, text)
			}
		}
	}
	return ""
}

// sameShown says whether a number is the date, the time or the percentage that was read.
func sameShown(got, serial string, base1904 bool) bool {
	days, err := strconv.ParseFloat(serial, 64)
	if err != nil {
		return false
	}
	if percent, ok := strings.CutSuffix(got, "%"); ok {
		part, err := strconv.ParseFloat(percent, 64)
		return err == nil && math.Abs(part-100*days) <= 1e-9*math.Abs(part)
	}
	at, err := excelize.ExcelDateToTime(days, base1904)
	shown := at.Round(time.Second).Format("2006-01-02T15:04:05")
	return err == nil && (strings.HasPrefix(shown, got) || days < 1 && strings.HasSuffix(shown, "T"+got))
}
