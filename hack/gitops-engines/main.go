// Tells what the engines of GitOps tools make of objects: kstatus and the health check expressions by
// Flux's own packages, and a health script in the Lua that Argo CD embeds, with what Argo CD gives a
// script and nothing more.
//
// Standard input is one JSON document, an input; standard output is one, a list of results in the order
// of its objects.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type input struct {
	// What is looked at.
	Objects []unstructured.Unstructured `json:"objects"`
	// The health script of each kind.
	Lua map[string]string `json:"lua"`
	// The expressions of each kind, as a Flux Kustomization has them.
	Flux map[string]kustomize.HealthCheckExpressions `json:"flux"`
}

type result struct {
	Kstatus string `json:"kstatus"`
	Argo    string `json:"argo,omitempty"`
	Message string `json:"message,omitempty"`
	Flux    string `json:"flux,omitempty"`
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fail(err)
	}
	evaluators := map[string]*cel.StatusEvaluator{}
	for kind, expressions := range in.Flux {
		evaluator, err := cel.NewStatusEvaluator(&expressions)
		if err != nil {
			fail(fmt.Errorf("%s: %w", kind, err))
		}
		evaluators[kind] = evaluator
	}
	out := make([]result, 0, len(in.Objects))
	for i := range in.Objects {
		object := &in.Objects[i]
		seen, err := examine(object, in.Lua[object.GetKind()], evaluators[object.GetKind()])
		if err != nil {
			fail(fmt.Errorf("object %d, %s %s: %w", i, object.GetKind(), object.GetName(), err))
		}
		out = append(out, seen)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func examine(object *unstructured.Unstructured, script string, evaluator *cel.StatusEvaluator) (result, error) {
	var seen result
	computed, err := status.Compute(object)
	if err != nil {
		return seen, fmt.Errorf("kstatus: %w", err)
	}
	seen.Kstatus = string(computed.Status)
	if script != "" {
		if seen.Argo, seen.Message, err = health(object, script); err != nil {
			return seen, fmt.Errorf("health script: %w", err)
		}
	}
	// An object that is being deleted is none that Flux waits for.
	if evaluator != nil && object.GetDeletionTimestamp() == nil {
		told, err := evaluator.Evaluate(context.Background(), object)
		if err != nil {
			return seen, fmt.Errorf("health check expressions: %w", err)
		}
		seen.Flux = string(told.Status)
	}
	return seen, nil
}

// The words that Argo CD takes; it makes Unknown of any other.
var healths = map[string]bool{"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true, "Missing": true, "Unknown": true}

// health runs a script as Argo CD does: a second at most, the libraries base and table (of the library os
// it gives only the clock, which a health script has no use for), the object as the global obj. An object
// that is being deleted is Progressing before any script.
func health(object *unstructured.Unstructured, script string) (string, string, error) {
	if object.GetDeletionTimestamp() != nil {
		return "Progressing", "Pending deletion", nil
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}, lua.LString(name)); err != nil {
			return "", "", err
		}
	}
	// Argo CD gives a script one second. How long it takes is not what is asked here, and this machine may be busy.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		return "", "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("it returns a %s, not a table", state.Get(-1).Type())
	}
	told := table.RawGetString("status").String()
	if !healths[told] {
		return "", "", fmt.Errorf("%q is no health", told)
	}
	message := ""
	if text, ok := table.RawGetString("message").(lua.LString); ok {
		message = string(text)
	}
	return told, message, nil
}

// value is the object as a script sees it.
func value(state *lua.LState, of any) lua.LValue {
	switch of := of.(type) {
	case bool:
		return lua.LBool(of)
	case string:
		return lua.LString(of)
	case int64:
		return lua.LNumber(of)
	case float64:
		return lua.LNumber(of)
	case []any:
		table := state.CreateTable(len(of), 0)
		for _, item := range of {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(of))
		for name, item := range of {
			table.RawSetH(lua.LString(name), value(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
