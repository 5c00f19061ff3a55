using System.CommandLine;

namespace Postern.Cli;

/// <summary><c>postern user</c>.</summary>
static partial class CommandTree
{
    static readonly string[] Roles = ["reader", "operator", "admin"];

    static Command User()
    {
        var name = new Argument<string>("name") { Description = "the user's name" };
        var role = new Option<string>("--role")
        {
            Description = "reader sees all but contents; operator sees them and acts on mail; admin also "
                + "on users and accounts",
            Required = true,
        };
        var newRole = new Argument<string>("role") { Description = "reader, operator or admin" };
        role.AcceptOnlyFromAmong(Roles);
        newRole.AcceptOnlyFromAmong(Roles);
        var file = new Option<string?>("--password-file")
        {
            Description = "its first line is the password; without it, that of standard input",
        };
        var add = new Command("add", "Makes a user of the dashboard") { name, role, file };
        add.SetAction((parsed, cancel) => UserCommand.AddAsync(
            ContextOf(parsed), parsed.GetValue(name)!, parsed.GetValue(role)!, parsed.GetValue(file),
            cancel));
        var list = new Command("list", "Users of the dashboard");
        list.SetAction((parsed, cancel) => UserCommand.ListAsync(ContextOf(parsed), cancel));
        var remove = new Command("remove", "Removes a user; he is signed out") { name };
        remove.SetAction((parsed, cancel) =>
            UserCommand.RemoveAsync(ContextOf(parsed), parsed.GetValue(name)!, cancel));
        var password = new Command("password", "Gives a user a new password; he is signed out")
        {
            name, file,
        };
        password.SetAction((parsed, cancel) => UserCommand.SetPasswordAsync(
            ContextOf(parsed), parsed.GetValue(name)!, parsed.GetValue(file), cancel));
        var change = new Command("role", "Gives a user another role; he is signed out") { name, newRole };
        change.SetAction((parsed, cancel) => UserCommand.SetRoleAsync(
            ContextOf(parsed), parsed.GetValue(name)!, parsed.GetValue(newRole)!, cancel));
        var link = new Command("link", "Prints a link that signs a user in, once, within a day") { name };
        link.SetAction((parsed, cancel) =>
            UserCommand.LinkAsync(ContextOf(parsed), parsed.GetValue(name)!, cancel));
        return new Command("user", "Who may sign in to the dashboard")
        {
            add, list, remove, password, change, link,
        };
    }
}
