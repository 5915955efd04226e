export { loadMethods, loadTasks } from './runs/plan/load-plugins.ts';
