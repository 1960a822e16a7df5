package readers_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gsbatch/readers"
)

func TestJSONL(t *testing.T) {
	content := "\xEF\xBB\xBF" + `{"Name":"a\n\u00e9\ud83d\ude00\/","n":1.50,"ok":true}` + "\r\n\n" +
		` { "n" : -0.10E+05 , "Name" : "" , "Tags" : [ "x" , 1 , true ] , "nil" : null } ` + "\n" +
		`{"big":12345678901234567890,"Tags":[]}` + "\n{}"
	notices := wantRows(t, file(t, "a.jsonl", content), readers.Options{},
		"Name|n|ok|Tags|nil|big",
		"1|a\né😀/|num=1.50|bool=TRUE|blank=|blank=|blank=",
		"3||num=-0.10E+05|blank=|list=x;1;TRUE|null=|blank=",
		"4|blank=|blank=|blank=|list=|blank=|num=12345678901234567890",
		"5|blank=|blank=|blank=|blank=|blank=|blank=")
	if d := cmp.Diff([]string{"1 blank row between the others skipped"}, notices); d != "" {
		t.Error(d)
	}
}

func TestJSONLErrors(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{`{"a":1}` + "\n" + `{"a":{"b":1}}`, "a.jsonl:2:6: object inside an object"},
		{`{"a":[[1]]}`, "a.jsonl:1:7: array or object inside an array"},
		{`{"a":[{}]}`, "a.jsonl:1:7: array or object inside an array"},
		{`{"a":[null]}`, "a.jsonl:1:7: null inside an array"},
		{`{"a":["x;y"]}`, `a.jsonl:1:7: item "x;y" has a semicolon`},
		{`{"a":1,"a":2}`, `a.jsonl:1:8: key "a" stands twice in this object`},
		{`{"b":1}` + "\n" + `{"a":1,"b":0,"\u0061":2}`, `a.jsonl:2:14: key "a" stands twice in this object`},
		{`{"a":1} {"a":2}`, "a.jsonl:1:9: text after the end of the object"},
		{`{"a":1,}`, `a.jsonl:1:8: '}' stands where a key in quotes is due`},
		{`{"a":01}`, `a.jsonl:1:7: '1' stands where a comma or the end of the object is due`},
		{`{"a":1.}`, `a.jsonl:1:8: '}' stands where a digit is due`},
		{`{"a":-}`, `a.jsonl:1:7: '}' stands where a digit is due`},
		{`{"a":1e}`, `a.jsonl:1:8: '}' stands where a digit is due`},
		{`{"a":NaN}`, `a.jsonl:1:6: 'N' stands where a value is due`},
		{`{"a" 1}`, `a.jsonl:1:6: '1' stands where a colon is due`},
		{`{"a":"x`, "a.jsonl:1:6: string is never closed"},
		{`{"a":"x` + "\t" + `"}`, "a.jsonl:1:8: control character 0x09 inside a string"},
		{`{"a":"\ud83d"}`, "a.jsonl:1:7: wrong escape in a string"},
		{`{"a":"\x"}`, "a.jsonl:1:7: wrong escape in a string"},
		{`{"a":"\u0000"}`, "a.jsonl:1:7: wrong escape in a string"},
		{`{"a":1`, "a.jsonl:1:7: line ends where a comma or the end of the object is due"},
		{`{"a":`, "a.jsonl:1:6: line ends where a value is due"},
		{`"a"`, "a.jsonl:1:1: line does not begin with an object"},
		{`{" ":1}`, `a.jsonl:1:2: key " " is blank`},
	} {
		wantError(t, file(t, "a.jsonl", c.content), readers.Options{Format: readers.JSONL}, readers.ErrRow, c.want)
	}
	wantError(t, file(t, "a.jsonl", `{"a":1}`+"\n"+`{" A":1}`), readers.Options{}, readers.ErrNotTable, `a.jsonl:2:2: header "A" stands also at a.jsonl:1:2`)
	wantError(t, file(t, "a.jsonl", `{"a":"xxxxxxxxxx"}`), readers.Options{Limits: readers.Limits{Record: 10}}, readers.ErrLimit, "a.jsonl:1: line is longer than 10 bytes")
	wantError(t, file(t, "a.jsonl", `{"a":"ä\xe4"}`+"\n\xe4"), readers.Options{}, readers.ErrDamaged, "a.jsonl:2:1: byte 0xE4")
}

func TestJSONLPlaces(t *testing.T) {
	table, err := readers.Open(context.Background(), file(t, "a.jsonl", "{\"a\":1}\n\n{\"b\": \"x\", \"a\":2}"), readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	got := []string{table.HeaderPlace(0).String(), table.HeaderPlace(1).String()}
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.Place(-1).String(), row.Place(0).String(), row.Place(1).String())
	}
	want := []string{
		"a.jsonl:1:2", "a.jsonl:3:2",
		"a.jsonl:1", "a.jsonl:1:6", "a.jsonl:1",
		"a.jsonl:3", "a.jsonl:3:16", "a.jsonl:3:7",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
