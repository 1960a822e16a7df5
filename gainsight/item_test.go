package gainsight

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sameJSON compares two JSON texts as values, numbers by their digits.
func sameJSON(t testing.TB, got, want []byte) {
	t.Helper()
	decode := func(name string, text []byte) (v any) {
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s is not JSON: %v\n%s", name, err, text)
		}
		return v
	}
	if diff := cmp.Diff(decode("want", want), decode("got", got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func companyLookup(field, key string) Lookup {
	return Lookup{Field: field, Key: key, ObjectField: "Name", LookupField: "Gsid", ObjectName: "company", MultiMatch: "FIRSTMATCH", OnNoMatch: "ERROR"}
}

// The wanted bodies are the samples of the specification, without its comments
// and with the bracket that its second one lacks.
func TestBodiesOfTheSpecification(t *testing.T) {
	for _, tt := range []struct {
		name    string
		item    Item
		lookups []Lookup
		want    string
	}{
		{
			name: "create",
			item: Item{
				Record: []Field{
					{"Name", String("create_test1")}, {"StatusName", String("New")}, {"DueDate", String("2022-12-21")},
					{"Description", String("<p><br>Desc 7</p>")}, {"CompanyName", String("IBM")},
					{"cf_picklist__gc", String("CISCO")}, {"EntityType", String("COMPANY")},
				},
				Associate: Links{
					CTA: []string{"1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J", "1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"},
					SP:  []string{"1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"},
				},
			},
			lookups: []Lookup{companyLookup("CompanyId", "CompanyName")},
			want: `{"requests":[{"record":{"Name":"create_test1","StatusName":"New","DueDate":"2022-12-21","Description":"<p><br>Desc 7</p>","CompanyName":"IBM","cf_picklist__gc":"CISCO","EntityType":"COMPANY"},
"association":{"CTA":["1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J","1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"],"SP":["1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"]}}],
"lookups":{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"}}}`,
		},
		{
			name: "update",
			item: Item{
				Record: []Field{
					{"Name", String("CG15")}, {"StatusName", String("On Track")}, {"DueDate", String("2022-12-24")},
					{"Description", String("<p><br>Updated Desc</p>")}, {"Gsid", String("1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9")},
				},
				Dissociate: Links{
					CTA: []string{"1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J", "1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"},
					SP:  []string{"1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"},
				},
			},
			want: `{"requests":[{"record":{"Name":"CG15","StatusName":"On Track","DueDate":"2022-12-24","Description":"<p><br>Updated Desc</p>","Gsid":"1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9"},
"dissociation":{"CTA":["1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J","1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC"],"SP":["1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B"]}}]}`,
		},
		{
			name: "create with metrics",
			item: Item{
				Record: []Field{
					{"Name", String("Custom Goal 1")}, {"GoalTypeId", String("1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB")},
					{"StatusId", String("1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z")}, {"DueDate", String("2025-01-07")},
					{"Description", String("Feb Test Description ")}, {"CompanyName", String("IBM")}, {"CompName", String("NEW")},
					{"cust_string_value__gc", String("custom value")},
					{"metricsAssociation", Metrics([]MetricAssociation{{
						MetricID: "1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ", Base: "10.0", Target: "8.0",
						Actual: []MetricValue{{Value: "5.0", Timestamp: "2025-01-04"}},
					}})},
					{"EntityType", String("GLOBAL")},
					{"AssociatedWork", Strings([]string{"1I005G22HP9QX1NRFCZYV81Y6QHH30TMXP49", "1I005G22HP9QX1NRFC4O3YXDHJ7BZDIAOE4M"})},
				},
				Associate: Links{
					CTA: []string{"1S015065Y1L4AP5SUXPXKGDH9S0CAT75F3CY", "1S015065Y1L4AP5SUXAN0N0MYVAFR66HRNQR"},
					SP:  []string{"1S02JJSBDT2ZT78W7NMT0VBJP3QF725QD8RC", "1S02JJSBDT2ZT78W7N3SX0J712OA8HOTBSQ7"},
				},
			},
			lookups: []Lookup{companyLookup("comp_lookup_gsid__gc", "CompName"), companyLookup("CompanyId", "CompanyName")},
			want: `{"requests":[{"record":{"Name":"Custom Goal 1","GoalTypeId":"1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB","StatusId":"1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z","DueDate":"2025-01-07","Description":"Feb Test Description ","CompanyName":"IBM","CompName":"NEW","cust_string_value__gc":"custom value",
"metricsAssociation":[{"metricId":"1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ","baseValue":10.0,"actualValue":[{"value":5.0,"timestamp":"2025-01-04"}],"targetValue":8.0}],
"EntityType":"GLOBAL","AssociatedWork":["1I005G22HP9QX1NRFCZYV81Y6QHH30TMXP49","1I005G22HP9QX1NRFC4O3YXDHJ7BZDIAOE4M"]},
"association":{"CTA":["1S015065Y1L4AP5SUXPXKGDH9S0CAT75F3CY","1S015065Y1L4AP5SUXAN0N0MYVAFR66HRNQR"],"SP":["1S02JJSBDT2ZT78W7NMT0VBJP3QF725QD8RC","1S02JJSBDT2ZT78W7N3SX0J712OA8HOTBSQ7"]}}],
"lookups":{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"},
"comp_lookup_gsid__gc":{"fields":{"CompName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"}}}`,
		},
		{
			name: "update with metrics and both kinds of links",
			item: Item{
				Record: []Field{
					{"Gsid", String("1CG0LXVS2HO4Y5ZF1F6TV4R7ZV0ZO6MPG6S1")}, {"Name", String("Goal Template Name: Updated")},
					{"metricsDissociation", Strings([]string{"1I0056K976K5AXWOB1KBHCAG860QZ6E3JG52", "1I0056K976K5AXWOB1P7YWFJNZOIUXW8YMEQ"})},
				},
				Associate:  Links{CTA: []string{"1S015065Y1L4AP5SUXV96R83SMQ523UNWRXP"}},
				Dissociate: Links{SP: []string{"1S02JJSBDT2ZT78W7N326U5W640ZRK54GLAT"}},
			},
			want: `{"requests":[{"record":{"Gsid":"1CG0LXVS2HO4Y5ZF1F6TV4R7ZV0ZO6MPG6S1","Name":"Goal Template Name: Updated","metricsDissociation":["1I0056K976K5AXWOB1KBHCAG860QZ6E3JG52","1I0056K976K5AXWOB1P7YWFJNZOIUXW8YMEQ"]},
"association":{"CTA":["1S015065Y1L4AP5SUXV96R83SMQ523UNWRXP"]},"dissociation":{"SP":["1S02JJSBDT2ZT78W7N326U5W640ZRK54GLAT"]}}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lookups []byte
			if tt.lookups != nil {
				lookups = AppendLookups(nil, tt.lookups)
			}
			sameJSON(t, requestBody(tt.item.AppendJSON(nil), lookups), []byte(tt.want))
		})
	}
}

func TestItemBytes(t *testing.T) {
	item := Item{Record: []Field{
		{"a", Null()}, {"b", Value{}}, {"c", Bool(true)}, {"d", Bool(false)}, {"e", Number("-1.50E+3")},
		{"f", Number("007")}, {"g", Raw(` { "x" : [ 1 , 2 ] } `)}, {"h", Raw(`{`)}, {"i", Strings(nil)},
		{"j", String("\"\\/\n\r\t\x00\x1f é\u2028 \xff<&>")},
		{"k", Metrics([]MetricAssociation{{MetricID: "m", Actual: []MetricValue{{Timestamp: "2025-01-04"}}}, {MetricID: "n", Target: "1"}})},
	}, Associate: Links{SP: []string{"s", "t"}}}
	const want = `{"record":{"a":null,"b":null,"c":true,"d":false,"e":-1.50E+3,"f":"007","g":{"x":[1,2]},"h":"{","i":[],` +
		`"j":"\"\\/\n\r\t\u0000\u001f é` + "\u2028 \ufffd" + `<&>",` +
		`"k":[{"metricId":"m","actualValue":[{"timestamp":"2025-01-04"}]},{"metricId":"n","targetValue":1}]},"association":{"SP":["s","t"]}}`
	if got := string(item.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string((&Item{}).AppendJSON([]byte("x"))); got != `x{"record":{}}` {
		t.Errorf("empty item: %s", got)
	}
}

func TestLookupsAreGroupedByField(t *testing.T) {
	relationship := func(key, object string) Lookup {
		return Lookup{Field: "RelationshipId", Key: key, ObjectField: object, LookupField: "Gsid", ObjectName: "relationship", MultiMatch: "MARKASERROR", OnNoMatch: "ERROR"}
	}
	const want = `{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"},` +
		`"RelationshipId":{"fields":{"RelationshipName":"Name","RelationshipType":"Type"},"lookupField":"Gsid","objectName":"relationship","multiMatchOption":"MARKASERROR","onNoMatch":"ERROR"}}`
	lookups := []Lookup{relationship("RelationshipType", "Type"), companyLookup("CompanyId", "CompanyName"), relationship("RelationshipName", "Name")}
	got := string(AppendLookups(nil, lookups))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if lookups[0].Key != "RelationshipType" {
		t.Error("the caller's lookups were reordered")
	}
	if got := string(AppendLookups(nil, nil)); got != "{}" {
		t.Errorf("no lookups: %s", got)
	}
}

func TestAppendStringIsReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(rt, "text"))
		var got string
		encoded := appendString(nil, text)
		if err := json.Unmarshal(encoded, &got); err != nil || !utf8.Valid(encoded) {
			rt.Fatalf("%q: %v", encoded, err)
		}
		var want strings.Builder
		for _, r := range text { // a byte that is not UTF-8 is one U+FFFD
			want.WriteRune(r)
		}
		if got != want.String() {
			rt.Fatalf("got %q, want %q", got, want.String())
		}
	})
}

func TestIsNumberAgreesWithJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{0,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?[ x]?`).Draw(rt, "literal")
		if want := json.Valid([]byte(text)) && strings.TrimSpace(text) == text; IsNumber(text) != want {
			rt.Fatalf("IsNumber(%q) is %v", text, !want)
		}
	})
}
