namespace Postern.Api;

/// <summary>What the sandbox's provider got, as JSON; the dashboard has its pages.</summary>
sealed partial class WebApi
{
    void MapSandbox(WebApplication web) => web.MapGet("/admin/v1/sandbox/messages", context => AnswerAsync(
        context, new SandboxPage([.. sandbox!.Messages.Select(message => new SandboxEntry(
            message.Number, message.At, message.Sender, message.Recipients, message.Text))]),
        AdminJson.Default.SandboxPage));
}
