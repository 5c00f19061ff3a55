using System.Text;
using Postern.Api;
using Postern.Mta.Events;

namespace Postern.Tests.Api;

/// <summary>What is done over the admin API is noted once; nothing else is.</summary>
public sealed class AuditTests(RunningServer server) : IClassFixture<RunningServer>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<int> AskAsync(
        string method, string path, string? json = null, string? actor = null, string? face = null)
    {
        using var http = server.Socket("admin.sock");
        using var request = new HttpRequestMessage(new HttpMethod(method), "admin/v1/" + path)
        {
            Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"),
        };
        if (actor is not null)
            request.Headers.Add(OperatorNote.ActorHeader, actor);
        if (face is not null)
            request.Headers.Add(OperatorNote.FaceHeader, face);
        using var answer = await http.SendAsync(request, Cancel);
        return (int)answer.StatusCode;
    }

    /// <summary>All notes whose text has this word in it, oldest first.</summary>
    async Task<IReadOnlyList<MailEvent>> NotesAsync(string word)
    {
        var notes = new List<MailEvent>();
        await foreach (var stored in new EventReader(server.Agent.Store).UpAsync(0, Cancel))
        {
            if (stored.Event.Kind == EventKind.Operated
                && stored.Event.Why!.Contains(word, StringComparison.Ordinal))
                notes.Add(stored.Event);
        }
        return notes;
    }

    [Fact]
    public async Task WhatWasDone_IsNoted_ByTheTimeOfTheAnswer()
    {
        Assert.Equal(200, await AskAsync(
            "POST", "queue/hold?sender=a@once.example", actor: "%EA%B9%80", face: "page"));
        var note = Assert.Single(await NotesAsync("once.example"));
        Assert.Equal(
            ("김", "POST queue/hold?sender=a@once.example (page)", 0),
            (note.Actor, note.Why, note.RecipientCount));
    }

    [Fact]
    public async Task OfABody_OnlyWhomItNames_IsNoted()
    {
        Assert.Equal(200, await AskAsync(
            "POST", "accounts?note=bodies", """{"name":"quiet","password":"open-sesame","senders":[]}"""));
        var note = Assert.Single(await NotesAsync("note=bodies"));
        Assert.Equal("POST accounts?note=bodies quiet", note.Why);
        Assert.Empty(await NotesAsync("sesame"));
    }

    [Theory]
    [InlineData("users", """{"name":"eve (page)","role":"admin","password":"open-sesame"}""",
        "POST users eve%20%28page%29 admin")]
    [InlineData("users", """{"name":"mallory","role":"reader"}""", "POST users mallory reader")]
    [InlineData("users/mallory/role", """{"role":"operator"}""", "POST users/mallory/role operator")]
    [InlineData("suppressions", """{"address":"Rest@named.example","kind":"complaint"}""",
        "POST suppressions * complaint rest@named.example")]
    public async Task WhomItWasAbout_IsNoted(string path, string body, string expected)
    {
        await AskAsync("POST", "users", """{"name":"mallory","role":"reader"}""");
        await AskAsync("DELETE", path == "users" ? "users/mallory" : "users/nobody");
        Assert.Equal(200, await AskAsync("POST", path, body));
        Assert.Contains(expected, (await NotesAsync(path)).Select(note => note.Why));
    }

    [Theory]
    [InlineData("queue/hold?nonsense=refused-400", 400)]
    [InlineData("queue/explode?sender=refused@b.example", 404)]
    [InlineData("nowhere?refused-404", 404)]
    public async Task WhatWasRefused_IsNotNoted(string path, int status)
    {
        Assert.Equal(status, await AskAsync("POST", path));
        Assert.Empty(await NotesAsync("refused"));
    }

    [Fact]
    public async Task WhatWasRead_IsNotNoted()
    {
        Assert.Equal(200, await AskAsync("GET", "queue?sender=read@b.example"));
        Assert.Empty(await NotesAsync("read@b.example"));
    }

    [Theory]
    [InlineData(null, "none")]
    [InlineData("ann%0Aroot", "odd")]
    public async Task Actor_WithoutAGoodName_IsTheOperator(string? actor, string word)
    {
        Assert.Equal(200, await AskAsync("POST", $"queue/hold?sender={word}@nobody.example", actor: actor));
        Assert.Equal("operator", Assert.Single(await NotesAsync($"{word}@nobody.example")).Actor);
    }

    [Fact]
    public async Task Count_IsThatOfTheAnswer()
    {
        Assert.Equal(200, await AskAsync("POST", "suppressions", """{"address":"gone@count.example"}"""));
        Assert.Equal(200, await AskAsync("DELETE", "suppressions?address=gone@count.example"));
        Assert.Equal(1, Assert.Single(await NotesAsync("DELETE suppressions")).RecipientCount);
    }
}
