package gainsight

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// did is what a server did for one item.
type did struct {
	gsid string // "" if it failed
	name string
	told bool // by an element with its Gsid
}

func testGsid(n int) string { return fmt.Sprintf("1CG0%032d", n) }

// drawElement words what became of an item, as one of the many servers might.
func drawElement(t *rapid.T, of did, action string) (element any, failed bool) {
	name := of.name
	switch rapid.IntRange(0, 5).Draw(t, "name form") {
	case 0:
		name = strings.ToUpper(name)
	case 1:
		name = strings.TrimSpace(name)
	case 2:
		name = "changed " + name
	case 3:
		name = ""
	}
	record := map[string]any{}
	if name != "" {
		record["Name"] = name
	}
	if of.gsid != "" || action != "create" {
		record["Gsid"] = of.gsid
	}
	failed = of.gsid == ""
	if !failed {
		if rapid.IntRange(0, 9).Draw(t, "below") == 0 {
			return map[string]any{"record": record}, false
		}
		if rapid.IntRange(0, 19).Draw(t, "no id") == 0 {
			delete(record, "Gsid")
		}
		return record, false
	}
	switch rapid.IntRange(0, 2).Draw(t, "failure form") {
	case 0:
		return "it is bad", true
	case 1:
		return map[string]any{"record": record, "errorMessage": "bad"}, true
	default:
		record["message"] = "bad"
		return record, true
	}
}

// Of a server that tells of records in any form and order, and leaves some out,
// nothing is believed that is not so: a row that is done has its own Gsid, one
// that is rejected failed, and no Gsid answers for two. Where names may have
// been changed all that was made is a row's, or a stray of every row in doubt.
func TestEachTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "items")
		w := Write{Object: TemplateObject, Action: "create"}
		var truths []did
		var success, failure []any
		for i := range n {
			of := did{gsid: testGsid(i), name: fmt.Sprintf("%sName %c%s", strings.Repeat(" ", i%2), 'a'+i, strings.Repeat(" ", i%3))}
			if rapid.IntRange(0, 2).Draw(t, "fails") == 0 {
				of.gsid = ""
			}
			truths = append(truths, of)
			item, err := json.Marshal(map[string]any{"record": map[string]string{"Name": of.name}})
			if err != nil {
				t.Fatal(err)
			}
			w.Items = append(w.Items, item)
			if rapid.IntRange(0, 9).Draw(t, "omitted") == 0 {
				continue
			}
			element, failed := drawElement(t, of, w.Action)
			if failed {
				failure = append(failure, element)
			} else {
				success = append(success, element)
			}
			text, err := json.Marshal(element)
			if err != nil {
				t.Fatal(err)
			}
			truths[i].told = of.gsid != "" && strings.Contains(string(text), of.gsid)
		}
		success, failure = rapid.Permutation(success).Draw(t, "successes"), rapid.Permutation(failure).Draw(t, "failures")
		answers := answered(t, &w, success, failure)
		believed(t, truths, answers)
	})
}

func answered(t *rapid.T, w *Write, success, failure []any) []Answer {
	body, err := json.Marshal(map[string]any{"result": true, "data": map[string]any{"successList": success, "failureList": failure}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", body)
	return each(Judge(Exchange{Sent: true, Status: http.StatusOK, Body: body}), w)
}

func believed(t *rapid.T, truths []did, answers []Answer) {
	owners := map[string]bool{}
	for i, a := range answers {
		of := truths[i]
		told := fmt.Sprintf("%q, %q is told as %s %s %s, strays %v", of.name, of.gsid, a.Verdict, a.Gsid, a.Message, a.Strays)
		t.Log(told)
		switch a.Verdict {
		case Done:
			if a.Gsid != of.gsid || owners[a.Gsid] {
				t.Error(told)
			}
			owners[a.Gsid] = true
		case Rejected:
			if of.gsid != "" {
				t.Error(told)
			}
		case InDoubt:
			if of.told && strings.Contains(a.Message, "does not say") && !slices.Contains(a.Strays, of.gsid) {
				t.Error(told)
			}
		default:
			t.Error(told)
		}
	}
}

// Whatever a server answers, no Gsid answers for two items, and each item has
// an answer of its own.
func TestEachOfAnyAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		action := rapid.SampledFrom([]string{"create", "update", "delete"}).Draw(t, "action")
		w := Write{Object: MetricObject, Action: action}
		for i := range rapid.IntRange(1, 5).Draw(t, "items") {
			var item any = map[string]any{"record": map[string]string{"name": fmt.Sprint("n", i)}}
			switch action {
			case "update":
				item = map[string]any{"record": map[string]string{"gsid": testGsid(i), "name": "n"}}
			case "delete":
				item = testGsid(i)
			}
			text, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			w.Items = append(w.Items, text)
		}
		element := rapid.Custom(func(t *rapid.T) any {
			record := map[string]any{}
			if rapid.Bool().Draw(t, "named") {
				record["name"] = rapid.SampledFrom([]string{"n0", "N0", "n1", " n1", "n2", "x", ""}).Draw(t, "name")
			}
			if rapid.Bool().Draw(t, "with id") {
				record["gsid"] = testGsid(rapid.IntRange(0, 5).Draw(t, "id"))
			}
			return rapid.SampledFrom([]any{record, map[string]any{"record": record, "message": "m"}, "text", nil, 3, []any{record}}).Draw(t, "form")
		})
		success, failure := rapid.SliceOfN(element, 0, 6).Draw(t, "success"), rapid.SliceOfN(element, 0, 4).Draw(t, "failure")
		answers := answered(t, &w, success, failure)
		if len(answers) != len(w.Items) {
			t.Fatalf("%d answers for %d items", len(answers), len(w.Items))
		}
		owners := map[string]int{}
		for i, a := range answers {
			if other, taken := owners[a.Gsid]; a.Gsid != "" && taken && len(answers) > 1 {
				t.Errorf("%s answers for items %d and %d", a.Gsid, other, i)
			}
			if owners[a.Gsid] = i; a.Verdict == Done && action == "update" && a.Gsid != testGsid(i) {
				t.Errorf("item %d is told as done as %s", i, a.Gsid)
			}
		}
	})
}
