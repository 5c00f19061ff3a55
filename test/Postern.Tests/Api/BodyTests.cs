using System.Net;
using System.Text;

namespace Postern.Tests.Api;

public sealed class BodyTests : IAsyncLifetime
{
    readonly RunningServer server = new();

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    async Task<(int Status, string Answer)> PostAsync(string path, HttpContent? body)
    {
        using var http = server.Socket("admin.sock");
        using var response = await http.PostAsync(
            $"admin/v1/{path}", body, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode,
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public static MatrixTheoryData<string, string?> Bodies => new(
        ["accounts", "users", "suppressions", "suppressions/pull", "log/anonymise"],
        [
            null, "", "[", "[]", "null", "{}", "7",
            """{"address":"\ud800","name":"\ud800","transport":"\ud800"}""",
            """
            {"name":"a","password":"long enough","senders":[null],
             "address":"a@b","tags":[null],"kind":"unsubscribe","role":"king"}
            """,
        ]);

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Body_ThatSaysTooLittle_IsAnsweredByWhatIsMissing(string path, string? json)
    {
        var (status, answer) = await PostAsync(
            path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"));
        Assert.True(
            status is >= 400 and < 500 || (path == "log/anonymise" && status == 200), $"{status} {answer}");
    }

    [Theory]
    [InlineData("accounts", "name, password and senders")]
    [InlineData("users", "name and role")]
    [InlineData("suppressions", "needs an address")]
    [InlineData("log/anonymise", "is no address")]
    public async Task Body_OfAnotherKind_IsNone(string path, string why)
    {
        var (status, answer) = await PostAsync(path, new StringContent("name=a&address=a@b.test"));
        Assert.Equal((int)HttpStatusCode.BadRequest, status);
        Assert.Contains(why, answer, StringComparison.Ordinal);
    }
}
