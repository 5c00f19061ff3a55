using System.Globalization;
using System.Net.Http.Headers;

namespace Postern.Api;

/// <summary>One thing that somebody did over the admin API.</summary>
/// <param name="Actor">The name that the caller gave, or <see cref="Nobody"/>.</param>
/// <param name="What">Method, path below the API's root and query, and the face it was asked by:
/// <c>POST queue/hold?id=0A1B2C3D4E5F6 (page)</c>. Of a body whom it names, and nothing else.</param>
/// <param name="Count">How many it changed. Null: the answer does not say.</param>
sealed record OperatorNote(string Actor, string What, int? Count)
{
    /// <summary>Who did it: UTF-8, percent-encoded.</summary>
    public const string ActorHeader = "Postern-Actor";

    /// <summary>By which of our faces. Without it: a program of somebody's own.</summary>
    public const string FaceHeader = "Postern-Face";

    public const string Page = "page";
    public const string Command = "command";

    /// <summary>Who gave no name, or none that can be shown.</summary>
    public const string Nobody = "operator";

    public const int ActorCharactersMax = 64;
    public const int WhatCharactersMax = 300;

    const string Root = "/admin/v1";

    static readonly object SubjectItem = new();
    static readonly object NothingDone = new();

    /// <summary>Each octet of it stands as three characters at most.</summary>
    const int HeaderCharactersMax = ActorCharactersMax * 4 * 3;

    /// <summary>Null: it changes nothing, or is no request of the admin API.</summary>
    public static OperatorNote? Of(HttpContext context)
    {
        var request = context.Request;
        if (!request.Path.StartsWithSegments(Root, out var below) || !Changes(request.Method))
            return null;
        var face = request.Headers[FaceHeader].ToString();
        var mark = face is Page or Command ? $" ({face})" : "";
        if (context.Items.ContainsKey(NothingDone))
            return null;
        var subject = context.Items.TryGetValue(SubjectItem, out var kept) ? $" {kept}" : "";
        var call =
            $"{request.Method} {below.ToUriComponent().TrimStart('/')}{request.QueryString}{subject}";
        var room = WhatCharactersMax - mark.Length;
        return new OperatorNote(
            ReadActor(request.Headers[ActorHeader].ToString()),
            (call.Length > room ? call[..(room - 1)] + "…" : call) + mark,
            context.Items.TryGetValue(typeof(OperatorNote), out var count) ? (int?)count : null);
    }

    static bool Changes(string method) =>
        !HttpMethods.IsGet(method) && !HttpMethods.IsHead(method) && !HttpMethods.IsOptions(method);

    /// <summary>Names what it was about, where neither path nor query does.</summary>
    /// <param name="subject">Percent-encoded where it is not known to have no parentheses.</param>
    public static void KeepSubject(HttpContext context, string subject) =>
        context.Items[SubjectItem] = subject;

    /// <summary>Nothing was changed after all: it was a question.</summary>
    public static void Drop(HttpContext context) => context.Items[NothingDone] = true;

    /// <summary>Keeps how many an answer says were changed, for the note.</summary>
    public static void KeepCount<T>(HttpContext context, T answer)
    {
        int? count = answer switch
        {
            Changed changed => changed.Recipients,
            SuppressionsRemoved removed => removed.Removed,
            SuppressionStep step => step.Changed,
            UserChanged changed => changed.Users,
            SuppressionEntry => 1,
            AnonymiseAnswer done => done.EventsChanged,
            _ => null,
        };
        if (count is { } number)
            context.Items[typeof(OperatorNote)] = number;
    }

    /// <summary>The name in a header; never fails: an odd one is nobody's.</summary>
    public static string ReadActor(string header)
    {
        if (header.Length is 0 or > HeaderCharactersMax)
            return Nobody;
        var name = Uri.UnescapeDataString(header).Trim();
        return name.Length is 0 or > ActorCharactersMax || name.EnumerateRunes().Any(IsOdd) ? Nobody : name;

        // What controls, turns or hides text, and halves of surrogates.
        static bool IsOdd(System.Text.Rune rune) => System.Text.Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
            || rune == System.Text.Rune.ReplacementChar;
    }

    /// <summary>Says who asks.</summary>
    /// <param name="name">Empty: nobody knows.</param>
    public static void Sign(HttpRequestHeaders headers, string name, string face)
    {
        if (name.Length > 0)
            headers.Add(ActorHeader, Uri.EscapeDataString(name));
        headers.Add(FaceHeader, face);
    }
}
